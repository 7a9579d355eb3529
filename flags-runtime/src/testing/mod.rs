//! For tests: forced flags, and the test that no flag has expired. Adds API only: nothing changes until the first `force`.

mod expiry;
pub(crate) mod force;

pub use expiry::assert_none_expired;
pub use force::{ForceGuard, IntoForced};
