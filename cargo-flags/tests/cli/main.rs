//! The command as its users meet it: the real binary, real built crates, a real Redis, and Python beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod acl;
mod artifact;
mod audit;
mod audit_live;
mod check;
mod eval;
mod explain;
mod export_flagd;
mod export_manifest;
mod fixture;
mod fleet;
mod forced;
mod get;
mod live;
mod lto;
mod made;
mod new;
mod page;
mod provider;
mod readme;
mod records;
mod schema;
mod shadow;
mod stubborn;
mod support;
mod transfer;
mod usage;
mod write;
