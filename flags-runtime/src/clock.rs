//! Clock: a time that never goes back, and can be another one in tests.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Tells how long things take. The operating system's monotonic clock unless another is given.
pub trait Clock: Send + Sync {
    /// The time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;
}

/// The operating system's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Monotonic;

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}
