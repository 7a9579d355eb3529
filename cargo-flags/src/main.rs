//! `cargo flags`: lists, explains, sets and kills the feature flags of a workspace.
//!
//! `cli` reads the words, `command` has one file for each verb, `artifact`, `cargo` and `workspace` find what was built and what
//! it records, `sources` shows the lines that it names, `rustc` stands in for the compiler where lints have to be heard, `live`
//! talks to Redis, `evidence` keeps what it knows, `audit` judges it, `export` says it in the formats of other engines, `report`
//! writes the answer.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod artifact;
mod audit;
mod cargo;
mod cli;
mod command;
mod day;
mod declaration;
mod evidence;
mod export;
mod failure;
mod fit;
mod known;
mod live;
mod mention;
mod other_engines;
mod report;
mod rustc;
mod sources;
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
