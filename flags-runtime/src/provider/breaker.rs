//! The breaker: leaves a flag alone that fails again and again.
//!
//! After five failures in a row it opens for a second, and lets one caller through then; while that fails too it opens for twice as
//! long, half a minute at most. A success closes it. Costs one load while nothing is wrong.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many failures in a row are borne.
const BORNE: u32 = 5;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// In a row.
    failures: AtomicU32,
    /// When the next caller is let through, in milliseconds; 0 if everybody is.
    until: AtomicU64,
}

impl Breaker {
    /// Whether the flag may be asked for now. Of many callers behind a pause, one may.
    pub(super) fn admits(&self) -> bool {
        // Relaxed throughout: these numbers guard nothing else, and are as good a little later.
        self.until.load(Ordering::Relaxed) == 0 || self.admits_at(now())
    }

    #[cold]
    fn admits_at(&self, now: u64) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        // Who is let through moves the end of the pause, so that others are not until it has failed or not.
        let next = now + millis(SHORTEST);
        until <= now && self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether it is open, for people.
    pub(super) fn is_open(&self) -> bool {
        self.until.load(Ordering::Relaxed) != 0
    }

    /// It went well.
    pub(super) fn succeeded(&self) {
        // Loads first: this is every call's way, and readers must not fight over the cache line.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.until.store(0, Ordering::Relaxed);
        }
    }

    /// It did not; true if the breaker opens by this.
    pub(super) fn failed(&self) -> bool {
        self.failed_at(now())
    }

    fn failed_at(&self, now: u64) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures < BORNE {
            return false;
        }
        let doubled = SHORTEST.saturating_mul(1 << (failures - BORNE).min(10));
        let was = self.until.swap(now + millis(doubled.min(LONGEST)), Ordering::Relaxed);
        was == 0
    }
}

/// Milliseconds since some moment of this process; never 0.
fn now() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(BEGIN.elapsed()) + 1
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_lets_one_through_after_each_pause() {
        let breaker = Breaker::default();
        for _ in 1..BORNE {
            assert!(!breaker.failed_at(1000));
        }
        breaker.succeeded();
        for _ in 1..BORNE {
            assert!(!breaker.failed_at(1000));
            assert!(breaker.admits() && !breaker.is_open());
        }
        assert!(breaker.failed_at(1000));
        assert!(!breaker.admits_at(1999));
        assert!(breaker.admits_at(2000));
        // Others wait for how that one fares.
        assert!(!breaker.admits_at(2000));
        // It fails: twice as long, and no second time told.
        assert!(!breaker.failed_at(2000));
        assert!(!breaker.admits_at(3999));
        assert!(breaker.admits_at(4000));
        for _ in 0..100 {
            breaker.failed_at(5000);
        }
        assert!(!breaker.admits_at(34_999));
        assert!(breaker.admits_at(35_000));
        breaker.succeeded();
        assert!(breaker.admits() && !breaker.is_open());
    }
}
