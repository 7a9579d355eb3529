//! Frozen clock: a time that stands still until a test moves it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// A clock that stands still; for what takes a [`Clock`], as dark launches do. It begins at zero.
///
/// ```
/// use std::time::Duration;
///
/// use flags_runtime::Clock as _;
/// use flags_runtime::testing::FrozenClock;
///
/// let clock = FrozenClock::new();
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(clock.now(), Duration::from_millis(250));
/// ```
#[derive(Debug, Default)]
pub struct FrozenClock {
    nanoseconds: AtomicU64,
}

impl FrozenClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves it on; never back. It stands still at 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed: a number that orders nothing else.
        let _ = self.nanoseconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}
