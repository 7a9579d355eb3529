//! Forced flags in tests. Adds API only: nothing changes until the first `force`.

pub(crate) mod force;

pub use force::{ForceGuard, IntoForced};
