//! The synchronizer: the background thread that moves a source's documents into the store.
//!
//! One plain thread per source, no async runtime. It reads everything at first, after every loss, on request of the
//! source and at every refresh; between, only what the source says has changed. While contact is lost it says when that
//! has been too long, for people and for flags that do not want it. Stopping it takes effect at the next wait, 250 ms at
//! most, or when a blocking call of the source returns.

mod hold;
mod provided;
mod run;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

pub(crate) use self::provided::ProviderThread;
use self::run::Run;
use crate::event::Listener;
use crate::rules::rule::Origin;
use crate::snapshot::Keeper;
use crate::source::Source;
use crate::status::{BOARD, Health};
use crate::store::Generation;

/// A running synchronizer; dropping it stops the thread without waiting for it.
#[derive(Debug)]
pub(crate) struct Synchronizer {
    /// The thread ends when this is dropped.
    stop: Sender<()>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// How a source is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// After how long everything is read again.
    pub(crate) refresh: Duration,
    /// How long documents that vanished together stay in force.
    pub(crate) empty_grace: Duration,
    /// After how long without an answer that is told.
    pub(crate) stale_after: Duration,
}

/// What is kept of the source for the next start.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) keeper: Option<Keeper>,
    /// When the source last answered the process that left the snapshot which is in force.
    pub(crate) snapshot_at: Option<SystemTime>,
}

impl Synchronizer {
    pub(crate) fn start(
        generation: Generation,
        origin: Origin,
        source: Box<dyn Source>,
        pace: Pace,
        kept: Kept,
        listener: Listener,
    ) -> std::io::Result<Self> {
        BOARD.put(origin, Health { snapshot_at: kept.snapshot_at, ..Health::new(source.describe()) });
        let (stop, stopped) = channel();
        let (end, ended) = channel::<()>();
        let mut run = Run::new(generation, origin, source, pace, kept, listener, stopped);
        if origin == Origin::OverrideFile {
            // A kill that stands in the file holds from the first read on. A local file does not keep `start` waiting.
            run.read_before_start();
        }
        thread::Builder::new().name("flags-runtime".to_owned()).spawn(move || {
            run.until_stopped();
            drop(end);
        })?;
        Ok(Self { stop, ended })
    }

    /// Lets the thread run for the rest of the process.
    pub(crate) fn detach(self) {
        std::mem::forget(self.stop);
    }

    /// Tells the thread to end; the answer is closed when it has.
    pub(crate) fn stop(self) -> Receiver<()> {
        self.ended
    }
}
