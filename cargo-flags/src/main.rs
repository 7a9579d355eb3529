//! `cargo flags`: lists, explains, sets and kills the feature flags of a workspace.
//!
//! `cli` reads the words, `command` has one file for each verb, `artifact` and `workspace` find what was built and what
//! it records, `live` talks to Redis, `report` writes the answer.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod artifact;
mod cli;
mod command;
mod failure;
mod fit;
mod known;
mod live;
mod report;
mod suggestion;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
