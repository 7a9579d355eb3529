//! For tests: forced flags and documents, dark launches that must match, and the test that no flag has expired. Adds API only:
//! nothing changes until the first of them is used.

mod clock;
mod coverage;
mod environment;
mod expiry;
mod fake_source;
mod force;
mod mismatch;
mod names;
pub(crate) mod overrides;
pub(crate) mod recording;
mod value;

pub use clock::FrozenClock;
pub use expiry::assert_none_expired;
pub use fake_source::FakeSource;
pub use force::{force_all, force_all_in};
pub use mismatch::{MismatchGuard, fail_on_mismatch};
pub use overrides::{ForceGuard, Overrides, carry, carry_async, with_documents, with_documents_async};
pub use recording::{Evaluation, Recording, assert_evaluated};
pub use value::IntoForced;
