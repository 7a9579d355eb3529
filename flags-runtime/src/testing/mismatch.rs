//! Mismatches as failures: tests in which both sides of a dark launch have to come to the same.

use crate::dark_launch::strict;
use crate::flag::Flag;
use crate::types::FlagValue;

pub use crate::dark_launch::strict::MismatchGuard;

/// Lets every mismatch of a dark launch that begins on this thread fail the test, until the guard is dropped: at the
/// call itself, and when the guard is dropped, so that a panic which something catches is not lost. The failure names
/// the flag and shows both sides.
///
/// Meanwhile nothing is left to chance: every call is a run, whatever its `sample`. The flag has to be on, as by
/// `FLAG.force(true)`. Detached trials of functions are waited for when the guard is dropped; those of futures with
/// [`MismatchGuard::trials`].
///
/// ```should_panic
/// use flags_runtime::{feature_flag, testing};
///
/// #[feature_flag(name = "fast_total", default = false, expires = "2099-03-01", shadow = legacy_total)]
/// fn total(prices: &[u64]) -> u64 {
///     prices.iter().sum()
/// }
///
/// fn legacy_total(prices: &[u64]) -> u64 {
///     prices.iter().sum::<u64>() / 100 * 100
/// }
///
/// # fn main() {
/// let _on = FAST_TOTAL.force(true);
/// let _strict = testing::fail_on_mismatch();
/// total(&[199]); // dark launch `fast_total`: values differ, legacy: 100, new: 199
/// # }
/// ```
pub fn fail_on_mismatch() -> MismatchGuard {
    strict::watch(None)
}

impl<T: FlagValue> Flag<T> {
    /// Lets mismatches of this flag's dark launches fail the test; see
    /// [`testing::fail_on_mismatch`](crate::testing::fail_on_mismatch).
    pub fn fail_on_mismatch(&'static self) -> MismatchGuard {
        strict::watch(Some(self.declaration().name()))
    }
}
