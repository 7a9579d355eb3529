//! Commands: one file for each verb.

pub(crate) mod check;
pub(crate) mod dump;
pub(crate) mod eval;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod off;
pub(crate) mod on;
pub(crate) mod refs;
pub(crate) mod rollout;
pub(crate) mod set;
pub(crate) mod shadow;
