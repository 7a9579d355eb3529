//! The stand-in for rustc, which cargo calls while `check` runs: rustc itself, with lints that are heard and break nothing.
//!
//! Cargo calls it for the packages of the workspace only, and keeps what it says apart from other builds: neither
//! is anything compiled twice, nor does a later `cargo check` see these options.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::failure::Failure;

/// Set where this program is called as a compiler.
const MARK: &str = "CARGO_FLAGS_STANDS_IN_FOR_RUSTC";

/// What makes cargo call this program instead of rustc.
pub(crate) fn environment() -> Result<[(&'static str, OsString); 2], Failure> {
    let this = env::current_exe().map_err(|error| Failure::because("this program does not find itself", error))?;
    Ok([("RUSTC_WORKSPACE_WRAPPER", this.into_os_string()), (MARK, "1".into())])
}

/// Whether cargo called this program as a compiler.
pub(crate) fn is_wanted() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs rustc, whose path is the first word: uses of deprecated items are told although a crate allows or forbids them,
/// and nothing is an error that is a lint.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter().skip(1);
    let rustc = words.next().unwrap_or_else(|| "rustc".into());
    let words: Vec<_> = words.collect();
    let mut command = Command::new(rustc);
    command.args(&words).arg("--force-warn=deprecated");
    // Cargo caps the lints of some packages itself, and rustc takes the option once.
    if !words.iter().any(|word| is_cap(word)) {
        command.arg("--cap-lints=warn");
    }
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => Failure::because("rustc cannot be run", error).report(),
    }
}

fn is_cap(word: &OsStr) -> bool {
    word.to_string_lossy().starts_with("--cap-lints")
}
