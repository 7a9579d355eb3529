//! `cargo flags`: lists, explains, sets and kills the feature flags of a workspace.
//!
//! `cli` reads the words, `command` has one file for each verb, `artifact` and `workspace` find what was built and what
//! it records, `rustc` stands in for the compiler where lints have to be heard, `live` talks to Redis, `report` writes the
//! answer.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod artifact;
mod cli;
mod command;
mod failure;
mod fit;
mod known;
mod live;
mod mention;
mod report;
mod rustc;
mod story;
mod suggestion;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    if rustc::is_wanted() {
        return rustc::run(std::env::args_os());
    }
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
