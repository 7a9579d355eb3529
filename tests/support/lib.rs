//! Support of the whole-system tests: real servers, broken peers, turns, changes, and waiting on conditions.
//!
//! Everything here panics instead of returning errors, with a message that says what to do: it runs in tests only.

#![allow(clippy::missing_panics_doc, reason = "a panic is how a test fails")]
#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

pub mod browser;
pub mod change;
pub mod fleet;
pub mod launchdarkly;
pub mod redis;
pub mod turn;
pub mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A `cargo` command in a crate of `tests/fixtures` that is no member of the workspace, and its target folder.
///
/// It is built as a user's crate: with the versions of our own lock file, but without our flags.
pub fn cargo_in_fixture(name: &str) -> (Command, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/fixtures").join(name);
    std::fs::copy(root.join("Cargo.lock"), fixture.join("Cargo.lock")).expect("the workspace has a lock file");
    let target = std::env::current_exe().expect("a test has a path").with_file_name(format!("fixture-{name}"));
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(fixture).env("CARGO_TARGET_DIR", &target);
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "FLAGS_EMBED"] {
        command.env_remove(variable);
    }
    (command, target)
}

/// Builds an example of the workspace, and gives where its program is: what `cargo test --test name` alone does not build.
pub fn example(name: &str) -> PathBuf {
    example_with(name, &[])
}

/// The same, of one that needs features of the workspace's package.
pub fn example_with(name: &str, features: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "build",
        "--quiet",
        "--message-format=json",
        "--example",
        name,
        "--features",
        &features.join(","),
    ]);
    // Of what cargo tells a test, build scripts that look at it (ring's does) would take that all has changed.
    for (variable, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|start| variable.to_string_lossy().starts_with(start)) {
            cargo.env_remove(variable);
        }
    }
    let output = cargo.output().expect("a test has cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.unwrap_or_else(|| panic!("cargo tells of no program of the example {name}"))
}

/// How long between two looks at a condition.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until `condition` holds; false if it does not within `deadline`.
#[must_use = "assert it, and say what did not happen"]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= give_up {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}
