//! Support of the whole-system tests: real servers, broken peers, turns, changes, and waiting on conditions.
//!
//! Everything here panics instead of returning errors, with a message that says what to do: it runs in tests only.

#![allow(clippy::missing_panics_doc, reason = "a panic is how a test fails")]
#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

pub mod browser;
pub mod change;
pub mod fleet;
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
