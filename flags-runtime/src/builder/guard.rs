//! Guard: keeps a start running, and ends it.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::IS_STARTED;
use crate::error::NotReady;
use crate::event::{Event, Listener};
use crate::reporter::Reporter;
use crate::rules::rule::Origin;
use crate::snapshot;
use crate::status::{BOARD, Readiness, SourceState, Status, status};
use crate::store::Generation;
use crate::synchronizer::{ProviderThread, Synchronizer};

/// Keeps the flags in step with their source. Dropping it stops that within a second: reads keep the last decision.
#[must_use = "dropping the guard stops the updates; keep it in `main`, or call `.detach()`"]
#[derive(Debug)]
pub struct Guard {
    pub(super) generation: Generation,
    pub(super) synchronizers: Vec<Synchronizer>,
    pub(super) providers: Vec<ProviderThread>,
    pub(super) reporter: Option<Reporter>,
    /// Closed when the snapshot is written for the last time.
    pub(super) snapshot: Option<snapshot::Ended>,
    #[cfg(feature = "metrics")]
    pub(super) metrics: Option<crate::telemetry::metrics::Recorder>,
    pub(super) listener: Listener,
    pub(super) is_detached: bool,
}

const LONGEST_STOP: Duration = Duration::from_secs(1);

impl Guard {
    /// Lets the updates run for the rest of the process.
    pub fn detach(mut self) {
        self.is_detached = true;
        self.synchronizers.drain(..).for_each(Synchronizer::detach);
        // They end when they are told to.
        self.providers.clear();
        self.reporter.take().into_iter().for_each(Reporter::detach);
        #[cfg(feature = "metrics")]
        self.metrics.take().into_iter().for_each(crate::telemetry::metrics::Recorder::detach);
    }

    /// The status now; the same as [`status()`](crate::status()).
    pub fn status(&self) -> Status {
        status()
    }

    /// Waits until everything that is configured has answered, and returns at once without a source.
    ///
    /// # Errors
    ///
    /// [`NotReady`] with the last error if there is no live data in time. The program may go on: reads answer.
    pub fn wait_ready(&self, timeout: Duration) -> Result<Readiness, NotReady> {
        BOARD.wait_ready(timeout)
    }

    /// The same for async code, on any runtime; put the runtime's own timeout around it.
    ///
    /// # Errors
    ///
    /// [`NotReady`] if the source was stopped.
    pub fn ready(&self) -> impl Future<Output = Result<Readiness, NotReady>> + Send + 'static {
        BOARD.ready()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_detached {
            // All are told before any is waited for; who blocks for longer ends by itself.
            let reporter = self.reporter.take().map(Reporter::stop);
            #[cfg(feature = "metrics")]
            let metrics = self.metrics.take().map(crate::telemetry::metrics::Recorder::stop);
            #[cfg(not(feature = "metrics"))]
            let metrics = None;
            let ended: Vec<_> = self
                .synchronizers
                .drain(..)
                .map(Synchronizer::stop)
                .chain(self.providers.drain(..).map(ProviderThread::stop).collect::<Vec<_>>())
                .chain(reporter)
                .chain(self.snapshot.take())
                .chain(metrics)
                .collect();
            let give_up = Instant::now() + LONGEST_STOP;
            for ended in ended {
                let _ = ended.recv_timeout(give_up.saturating_duration_since(Instant::now()));
            }
            for origin in [Origin::Source, Origin::OverrideFile] {
                // Also said for a thread that did not end in time.
                BOARD.note(self.generation, origin, |health| health.state = SourceState::Stopped);
            }
            self.listener.tell(&Event::Stopped);
            IS_STARTED.store(false, Ordering::Release);
        }
    }
}
