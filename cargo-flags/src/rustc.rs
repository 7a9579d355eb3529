//! The stand-in for rustc, which cargo calls while `check` runs: rustc itself, with lints that are heard and break nothing.
//!
//! Cargo calls it for the packages of the workspace only, and keeps what it says apart from other builds: neither
//! is anything compiled twice, nor does a later `cargo check` see these options.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::failure::{Failure, warn};

/// Set where this program is called as a compiler: the day to compile for.
const DAY: &str = "CARGO_FLAGS_RUSTC_DAY";
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

/// What makes cargo call this program instead of rustc, and what the attribute is to go by.
pub(crate) fn environment(day: &str) -> Result<Vec<(&'static str, OsString)>, Failure> {
    let this = env::current_exe().map_err(|error| Failure::because("this program does not find itself", error))?;
    // Cargo would not see what another wrapper adds, and answer from its cache.
    if env::var_os(WRAPPER).is_some_and(|wrapper| !wrapper.is_empty()) {
        warn(format_args!("the check takes the place of your {WRAPPER}, which is not called"));
    }
    let own = [(WRAPPER, this.into_os_string()), (DAY, day.into())];
    Ok(own.into_iter().chain(policy(day.into())).collect())
}

fn policy(day: OsString) -> [(&'static str, OsString); 2] {
    [("FLAGS_TODAY", day), ("FLAGS_EXPIRED", "warn".into())]
}

/// Whether cargo called this program as a compiler.
pub(crate) fn is_wanted() -> bool {
    env::var_os(DAY).is_some()
}

/// Runs rustc, whose path is the first word: uses of deprecated items are told although a crate allows or forbids them,
/// and nothing is an error that is a lint.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter().skip(1);
    let rustc = words.next().unwrap_or_else(|| "rustc".into());
    let words: Vec<_> = words.collect();
    let mut command = Command::new(rustc);
    command.args(&words).arg("--force-warn=deprecated");
    // Once more: the configuration of cargo and build scripts can force their own values upon rustc.
    command.envs(policy(env::var_os(DAY).unwrap_or_default()));
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
