//! The house rules that a compiler does not hold: the floor plan and the size of files.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors of flags-runtime, ground first. A module may name only itself and what stands before it.
const FLOORS: [&str; 40] = [
    "clock",
    "context",
    "details",
    "either",
    "feed",
    "hex",
    "random",
    "targeting_keys",
    "value",
    "provider",
    "rules",
    "evaluate",
    "registry",
    "types",
    "view",
    "source",
    "error",
    "store",
    "status",
    "event",
    "snapshot",
    "synchronizer",
    "hooks",
    "flag",
    "exposure",
    "dark_launch",
    "writer",
    "testing",
    "request",
    "prepare",
    "web",
    "telemetry",
    "openfeature",
    "heartbeat",
    "standing",
    "reporter",
    "settings",
    "builder",
    "__private",
    "macros",
];

/// Looks from below at what stands above, on purpose.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    ("flag", "testing", "a forced value is looked up at the call site, which knows nothing else of testing"),
    ("context", "request", "`context::carry` is where users look for it; nothing of the context needs it"),
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code of a file: without its unit tests and without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_module_uses_only_the_floors_below_it() {
    let src = root().join("flags-runtime/src");
    let floor_of = |module: &str| FLOORS.iter().position(|floor| *floor == module);
    let mut wrong = Vec::new();
    for path in source_files(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = floor_of(module).unwrap_or_else(|| panic!("`{module}` is on no floor: add it to FLOORS"));
        for named in code(&path).split("crate::").skip(1) {
            let named = named.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let is_exception = EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (module, named));
            if floor_of(named).is_some_and(|floor| floor > own) && !is_exception {
                wrong.push(format!("{} names `{named}`, which stands above it", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_document_rs_knows_the_wire_form() {
    let src = root().join("flags-runtime/src");
    for path in source_files(&src).into_iter().filter(|path| !path.ends_with("rules/document.rs")) {
        let is_writer = path.components().any(|part| part.as_os_str() == "admin");
        assert!(is_writer || !code(&path).contains("\"rollout_percentage\""), "{} reads documents", path.display());
    }
}

#[test]
fn every_file_of_ours_says_its_idea_and_stays_readable() {
    let mut wrong = Vec::new();
    for package in ["flags-macros/src", "flags-runtime/src", "cargo-flags/src"] {
        for path in source_files(&root().join(package)) {
            let text = fs::read_to_string(&path).unwrap();
            if !text.starts_with("//!") {
                wrong.push(format!("{} does not start with its idea", path.display()));
            }
            let is_tests = path.ends_with("tests.rs");
            let lines = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
            if lines > 400 && !is_tests {
                wrong.push(format!("{} has {lines} lines without its tests: one idea or two?", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
