//! For tests: forced flags, dark launches that must match, and the test that no flag has expired. Adds API only: nothing changes until the first `force`.

mod expiry;
pub(crate) mod force;
mod mismatch;

pub use expiry::assert_none_expired;
pub use force::{ForceGuard, IntoForced};
pub use mismatch::{MismatchGuard, fail_on_mismatch};
