//! Coverage: which sides of flags a test run has seen, for all test binaries of a workspace.
//!
//! With `FLAGS_COVERAGE` each test binary leaves a file in that folder: a JSON line for each of its flags, and one more
//! for each variant that one of them answers for the first time. What it did not come to write because it was killed is not covered.
//! Test builds only, as with `FLAGS_FORCE`.

use std::collections::HashSet;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::environment::is_test_build;
use super::overrides::Overrides;
use super::recording::Evaluation;
use crate::registry::registry;

const VARIABLE: &str = "FLAGS_COVERAGE";

/// A run that is covered.
struct Coverage {
    file: Mutex<File>,
    seen: Mutex<HashSet<(&'static str, &'static str)>>,
    /// Keeps all flags slow, so that every answer is heard of.
    _watched: Overrides,
}

/// Begins to cover, if that is asked for, and tells whether it is.
///
/// # Panics
///
/// If the folder cannot be written: whoever asks for coverage must not go without.
#[inline]
pub(crate) fn arm() -> bool {
    coverage().is_some()
}

/// Notes an answer.
pub(crate) fn note(evaluation: &Evaluation) {
    let (Some(coverage), Some(variant)) = (coverage(), evaluation.variant) else { return };
    let name = evaluation.flag.name();
    if coverage.seen.lock().unwrap_or_else(PoisonError::into_inner).insert((name, variant)) {
        coverage.write(&json!({"flag": name, "variant": variant}));
    }
}

fn coverage() -> Option<&'static Coverage> {
    static COVERAGE: OnceLock<Option<Coverage>> = OnceLock::new();
    COVERAGE.get_or_init(begin).as_ref()
}

#[cold]
fn begin() -> Option<Coverage> {
    let folder = env::var_os(VARIABLE).filter(|folder| !folder.is_empty())?;
    let executable = env::current_exe().ok().filter(|executable| is_test_build(executable))?;
    let folder = from_workspace(&env::current_dir().unwrap_or_default(), Path::new(&folder));
    let name = executable.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = folder.join(format!("{name}-{}.jsonl", process::id()));
    let opened = fs::create_dir_all(&folder).and_then(|()| OpenOptions::new().create(true).append(true).open(&file));
    let opened = opened.unwrap_or_else(|error| panic!("{VARIABLE}: {} cannot be written: {error}", file.display()));
    let coverage = Coverage { file: Mutex::new(opened), seen: Mutex::default(), _watched: Overrides::new().watched() };
    for flag in registry().flags() {
        let declared = flag.declaration();
        let variants = match declared.type_name() {
            "bool" => &["off", "on"][..],
            _ => declared.variants(),
        };
        coverage.write(&json!({
            "flag": declared.name(), "variants": variants, "package": declared.package(), "file": declared.file(),
            "line": declared.line(),
        }));
    }
    Some(coverage)
}

impl Coverage {
    fn write(&self, line: &Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One call a line, so that processes that are killed leave whole lines. What a full disk loses counts as not covered.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}

/// A relative folder, from the root of the workspace: cargo runs each package's tests in that package's folder.
fn from_workspace(here: &Path, folder: &Path) -> PathBuf {
    let root = here.ancestors().find(|ancestor| ancestor.join("Cargo.lock").is_file());
    root.unwrap_or(here).join(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_packages_of_a_workspace_write_to_one_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let of = |folder: &str| from_workspace(&root.join("flags-runtime/src"), Path::new(folder));
        assert_eq!(of("target/flags-coverage"), root.join("target/flags-coverage"));
        assert_eq!(of("/elsewhere"), Path::new("/elsewhere"));
    }
}
