//! Reporter: the background thread that leaves this process's dark-launch results where a fleet's add up.
//!
//! It writes what has changed since the last time, at an interval and once more when it is stopped; and everything now
//! and then, for a server that has lost it. What it cannot leave it leaves later: reports are totals, so nothing is lost
//! while the process lives. It stops nobody else.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::dark_launch::wire;
use crate::event::{Event, Listener};
use crate::source::{Letter, Outbox, SourceError, SourceErrorKind};

/// A running reporter; dropping it tells the thread to end.
#[derive(Debug)]
pub(crate) struct Reporter {
    stop: Sender<()>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// After an error that only a person can mend, like a missing right.
const CONFIGURATION_PAUSE: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// After so many rounds everything is left again.
const ROUNDS: u32 = 60;

struct Run {
    outbox: Box<dyn Outbox>,
    listener: Listener,
    /// What was left of each flag, by its stamp.
    left: HashMap<&'static str, u64>,
    rounds: u32,
    /// The error that was told last, so that it is told once.
    last_error: Option<String>,
}

impl Reporter {
    pub(crate) fn start(outbox: Box<dyn Outbox>, interval: Duration, listener: Listener) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel::<()>();
        let mut run = Run { outbox, listener, left: HashMap::new(), rounds: 0, last_error: None };
        thread::Builder::new().name("flags-reporter".to_owned()).spawn(move || {
            run.until_stopped(&stopped, interval);
            drop(end);
        })?;
        Ok(Self { stop, ended })
    }

    /// Lets the thread run for the rest of the process.
    pub(crate) fn detach(self) {
        std::mem::forget(self.stop);
    }

    /// Lets it leave what is new and end; the answer is closed when it has.
    pub(crate) fn stop(self) -> Receiver<()> {
        self.ended
    }
}

impl Run {
    fn until_stopped(&mut self, stopped: &Receiver<()>, interval: Duration) {
        let mut pause = interval;
        loop {
            let is_over = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
            // Our own code only; if it ever panics, the next round begins anew.
            let left = catch_unwind(AssertUnwindSafe(|| self.leave_all()));
            if is_over {
                return;
            }
            pause = match left {
                Ok(Ok(())) => interval,
                Ok(Err(error)) if error.kind() == SourceErrorKind::Configuration => CONFIGURATION_PAUSE,
                Ok(Err(_)) | Err(_) => (pause * 2).min(LONGEST_PAUSE).max(interval),
            };
        }
    }

    fn leave_all(&mut self) -> Result<(), SourceError> {
        self.rounds += 1;
        if self.rounds.is_multiple_of(ROUNDS) {
            self.left.clear();
        }
        for outgoing in wire::outgoing() {
            if self.left.get(outgoing.key) == Some(&outgoing.stamp) {
                continue;
            }
            let document = outgoing.document();
            let letter = Letter { key: outgoing.key, instance: wire::instance(), document: &document };
            if let Err(error) = self.outbox.leave(&letter) {
                self.left.clear();
                self.failed(&error);
                return Err(error);
            }
            self.last_error = None;
            self.left.insert(outgoing.key, outgoing.stamp);
        }
        Ok(())
    }

    fn failed(&mut self, error: &SourceError) {
        let message = error.in_one_line();
        if self.last_error.as_ref() != Some(&message) {
            self.listener.tell(&Event::NotReported { source: self.outbox.describe(), error: message.clone() });
            self.last_error = Some(message);
        }
    }
}
