//! Commands: one file for each verb.

pub(crate) mod acl;
pub(crate) mod allow;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod coverage;
pub(crate) mod delete;
pub(crate) mod deny;
pub(crate) mod dump;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod off;
pub(crate) mod on;
pub(crate) mod refs;
pub(crate) mod rollback;
pub(crate) mod rollout;
pub(crate) mod set;
pub(crate) mod shadow;
pub(crate) mod test;
pub(crate) mod watch;
