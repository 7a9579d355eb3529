//! For tests: forced flags and documents, dark launches that must match, and the test that no flag has expired. Adds API only:
//! nothing changes until the first of them is used.

mod environment;
mod expiry;
mod force;
mod mismatch;
mod names;
pub(crate) mod overrides;

pub use expiry::assert_none_expired;
pub use force::{force_all, force_all_in};
pub use mismatch::{MismatchGuard, fail_on_mismatch};
pub use overrides::{ForceGuard, IntoForced, Overrides, carry, carry_async, with_documents, with_documents_async};
