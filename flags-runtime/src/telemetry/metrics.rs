//! The `metrics` facade: gauges that are kept up by themselves, and a counter of evaluations for those who want it.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `flags_data_age_seconds` | `origin` | seconds since the last sign of life of the `source` or the `override_file` |
//! | `flags_connected` | `origin` | 1 while contact is good, else 0 |
//! | `flags_refused_documents` | | documents that are refused now |
//! | `flags_outages` | | flags that answer their declared default, since the source has been away for too long |
//! | `flags_evaluations_total` | `flag`, `variant`, `reason` | with [`EvaluationCounter`] only |
//!
//! From [`Builder::start`](crate::Builder::start) on, every 5 s, until the guard is dropped.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::gauges::{self, Gauge, What};
use crate::details::{AnyValue, EvaluationDetails};
use crate::hooks::{Hook, HookContext};
use crate::status::status;

/// Counts every evaluation, by flag, variant and reason: `hooks::add(EvaluationCounter)`. Every read is slow then.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "it is all there is to say")]
pub struct EvaluationCounter;

impl Hook for EvaluationCounter {
    fn finally(&self, evaluation: &mut HookContext<'_>, details: &EvaluationDetails<AnyValue<'_>>) {
        // Of numbers and texts there may be any number.
        let variant = details.variant.clone().unwrap_or_default();
        let labels = [
            ("flag", evaluation.flag.key().into()),
            ("variant", metrics::SharedString::from(variant)),
            ("reason", details.reason.as_str().into()),
        ];
        metrics::counter!("flags_evaluations_total", &labels).increment(1);
    }
}

const INTERVAL: Duration = Duration::from_secs(5);

const fn name(what: What) -> &'static str {
    match what {
        What::DataAge => "flags_data_age_seconds",
        What::Connected => "flags_connected",
        What::RefusedDocuments => "flags_refused_documents",
        What::Outages => "flags_outages",
    }
}

/// Sets all gauges now: for a program that is asked for them more often than every 5 s.
pub fn record() {
    for Gauge { what, origin, value } in gauges::of(&status()) {
        match origin {
            Some(origin) => metrics::gauge!(name(what), "origin" => origin).set(value),
            None => metrics::gauge!(name(what)).set(value),
        }
    }
}

/// Keeps the gauges up until it is stopped.
#[derive(Debug)]
pub(crate) struct Recorder {
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Recorder {
    pub(crate) fn start() -> io::Result<Self> {
        for what in What::ALL {
            metrics::describe_gauge!(name(what), what.description());
        }
        let (stop, stopped) = channel::<()>();
        let (end, ended) = channel::<()>();
        thread::Builder::new().name("flags-metrics".to_owned()).spawn(move || {
            loop {
                record();
                match stopped.recv_timeout(INTERVAL) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            drop(end);
        })?;
        Ok(Self { stop, ended })
    }

    /// Tells it to stop; what is given is closed when it has.
    pub(crate) fn stop(self) -> Receiver<()> {
        self.ended
    }

    /// Lets it run for the rest of the process.
    pub(crate) fn detach(self) {
        std::mem::forget(self.stop);
    }
}
