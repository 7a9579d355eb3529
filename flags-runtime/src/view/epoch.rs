//! The epoch: the time between two publishes, and how many views began in it and are open.
//!
//! Guaranteed: a publisher that has announced the next epoch and finds an earlier one closed has missed no view of it.
//! `tests/model` checks this file in every order in which views and publishes can meet.

use std::ops::Deref;

use super::atomic::{AtomicU64, Ordering};

/// The time between two publishes.
#[derive(Debug)]
pub(crate) struct Epoch {
    number: u64,
    open: AtomicU64,
}

impl Epoch {
    /// An epoch in which no view has begun.
    pub(crate) fn new(number: u64) -> Self {
        Self { number, open: AtomicU64::new(0) }
    }

    /// Which one it is, counted from the start of the process.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Counts a view into the epoch that `current` gives. `lasts` is the number of the one that lasts, which is told behind it;
    /// `closed` is called if an epoch that is over is left empty by this.
    pub(crate) fn enter<E: Deref<Target = Self>>(current: impl Fn() -> E, lasts: &AtomicU64, closed: impl Fn()) -> E {
        loop {
            let epoch = current();
            // This and `is_open` are read-modify-writes of one number, so one of them comes first: either the publisher
            // counts this view, or (acquire, its release) the look below sees the number that it told before.
            epoch.open.fetch_add(1, Ordering::AcqRel);
            if lasts.load(Ordering::Acquire) <= epoch.number {
                return epoch;
            }
            epoch.leave(lasts, &closed);
        }
    }

    /// Counts a view in beside one that is counted already, so the epoch is open whoever looks.
    pub(crate) fn enter_again(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a view out; `closed` is called if it was the last one of an epoch that is over.
    pub(crate) fn leave(&self, lasts: &AtomicU64, closed: impl Fn()) {
        // Release: what the view has read, it read before whoever finds the epoch closed changes it. Acquire: whoever has
        // found it open before has told the next number before, and the look below sees that.
        let was_last = self.open.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && lasts.load(Ordering::Acquire) != self.number {
            closed();
        }
    }

    /// Whether a view of it is open. Of an epoch that is not over, one may begin at any time.
    pub(crate) fn is_open(&self) -> bool {
        self.open.fetch_add(0, Ordering::AcqRel) > 0
    }
}
