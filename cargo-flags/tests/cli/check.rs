//! `check`: expired flags by the line, in a workspace that does what it can to hide them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::support::{Said, cargo_flags, repository, run, write_changed};

/// The workspace; one test at a time, because cargo's own answers are looked at, too.
struct Attic {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Attic {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attic");
        write_workspace(&folder);
        Self { folder, _turn: turn }
    }

    fn check(&self, words: &[&str]) -> Command {
        let mut command = cargo_flags();
        command.arg("check").args(words).current_dir(&self.folder);
        command
    }

    /// What plain cargo says of all packages and targets, with the date that the workspace pins or another.
    fn cargo_check(&self, environment: &[(&str, &str)]) -> Said {
        self.cargo(&["check", "--workspace", "--all-targets"], environment)
    }

    fn cargo(&self, words: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).current_dir(&self.folder);
        for unset in ["FLAGS_TODAY", "FLAGS_EXPIRED", "SOURCE_DATE_EPOCH", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
            command.env_remove(unset);
        }
        run(command.env("CARGO_NET_OFFLINE", "true").envs(environment.iter().copied()))
    }
}

fn write_workspace(folder: &Path) {
    let write = |file: &str, text: &str| write_changed(&folder.join(file), text);
    let manifest = |name: &str, more: &str| {
        let runtime = repository("flags-runtime").display().to_string();
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n\
             [dependencies]\nflags-runtime = {{ path = {runtime:?} }}\n{more}"
        )
    };
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"cellar\", \"loft\"]\n");
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    write(".cargo/config.toml", "[env]\nFLAGS_TODAY = \"2025-01-01\"\n");
    write("cellar/Cargo.toml", &manifest("cellar", ""));
    write("cellar/src/lib.rs", CELLAR);
    write("cellar/tests/shelf.rs", SHELF);
    write("loft/Cargo.toml", &manifest("loft", "cellar = { path = \"../cellar\" }\n"));
    write("loft/src/main.rs", LOFT);
}

const CELLAR: &str = r#"#![deny(warnings)]
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "old_wine", default = false, expires = "2026-10-31", owner = "cellar (2nd)")]
pub static OLD_WINE: Flag<bool>;

#[feature_flag(name = "new_wine", default = 3, expires = "2026-11-01")]
pub static NEW_WINE: Flag<u8>;

pub fn pour() -> u8 {
    if flag!(OLD_WINE) { flag!(NEW_WINE) } else { 0 }
}

#[allow(deprecated)]
pub fn taste() -> bool {
    OLD_WINE.get()
}

#[feature_flag(OLD_WINE)]
pub fn cork() {}

#[feature_flag(name = "old_cheese", default = false, expires = "2026-10-01", off = bread)]
pub fn cheese() -> u8 {
    1
}

pub fn bread() -> u8 {
    2
}

#[cfg(test)]
mod tests {
    #[test]
    fn cheese_is_served() {
        assert!(super::cheese() > 0 && !flags_runtime::flag!(super::OLD_CHEESE));
    }
}
"#;

const SHELF: &str = r"#[test]
fn shelf() {
    assert!(!flags_runtime::flag!(cellar::OLD_WINE));
}
";

const LOFT: &str = r#"#![forbid(deprecated)]
fn main() {
    println!("{}", flags_runtime::flag!(cellar::OLD_WINE));
}
"#;

fn place(file: &str, line: usize, column: usize) -> Value {
    json!({"file": file, "line": line, "column": column})
}

#[test]
fn every_line_is_found_once_whatever_the_crates_say_and_the_cache_holds() {
    let attic = Attic::new();
    let expected = json!({
        "as_of": "2026-11-01",
        "expired": [
            {
                "name": "old_cheese", "expires": "2026-10-01", "owner": null,
                "declared": [place("cellar/src/lib.rs", 22, 64)],
                "uses": [place("cellar/src/lib.rs", 35, 69)],
            },
            {
                "name": "old_wine", "expires": "2026-10-31", "owner": "cellar (2nd)",
                "declared": [place("cellar/src/lib.rs", 4, 62)],
                "uses": [
                    place("cellar/src/lib.rs", 11, 14),
                    place("cellar/src/lib.rs", 16, 5),
                    place("cellar/src/lib.rs", 19, 16),
                    place("cellar/tests/shelf.rs", 3, 43),
                    place("loft/src/main.rs", 3, 49),
                ],
            },
        ],
    });
    let words = ["--workspace", "--as-of", "2026-11-01", "--format", "json"];
    assert_eq!(run(&mut attic.check(&words)).json(), expected);
    // From the cache, and then from everywhere else where builds are told to be silent or strict.
    assert_eq!(run(&mut attic.check(&words)).json(), expected);
    for (variable, value) in [("FLAGS_EXPIRED", "allow"), ("FLAGS_EXPIRED", "deny"), ("RUSTFLAGS", "-D warnings")] {
        assert_eq!(run(attic.check(&words).env(variable, value)).json(), expected, "{variable}={value}");
    }
    // Not even by force, of the configuration or of a build script.
    let (config, script) = (attic.folder.join(".cargo/config.toml"), attic.folder.join("cellar/build.rs"));
    fs::write(config, "[env]\nFLAGS_EXPIRED = { value = \"allow\", force = true }\n").unwrap();
    fs::write(&script, "fn main() { println!(\"cargo::rustc-env=FLAGS_TODAY=2020-01-01\"); }\n").unwrap();
    let said = run(&mut attic.check(&words));
    write_workspace(&attic.folder);
    fs::remove_file(script).unwrap();
    assert_eq!(said.json(), expected);
    // Other builds see nothing of all this.
    assert_eq!(attic.cargo_check(&[]).code, Some(0));
}

#[test]
fn a_table_has_a_line_for_each_line_of_code() {
    let attic = Attic::new();
    let table = run(&mut attic.check(&["--package", "loft", "--as-of", "2026-11-01", "--", "--bins"])).done();
    assert_eq!(
        table,
        "FLAG        EXPIRED ON  OWNER         LINE                     WHICH\n\
         old_cheese  2026-10-01                cellar/src/lib.rs:22:64  declares it\n\
         old_wine    2026-10-31  cellar (2nd)  cellar/src/lib.rs:4:62   declares it\n\
         old_wine    2026-10-31  cellar (2nd)  cellar/src/lib.rs:11:14  uses it\n\
         old_wine    2026-10-31  cellar (2nd)  cellar/src/lib.rs:16:5   uses it\n\
         old_wine    2026-10-31  cellar (2nd)  cellar/src/lib.rs:19:16  uses it\n\
         old_wine    2026-10-31  cellar (2nd)  loft/src/main.rs:3:49    uses it\n"
    );
}

#[test]
fn the_day_is_todays_unless_another_is_given() {
    let attic = Attic::new();
    // Pinned for builds to a day on which nothing has expired, which the check does not go by.
    let said = run(attic.check(&["--package", "cellar"]).env("FLAGS_TODAY", "2020-01-01"));
    assert!(said.stdout.contains("old_wine") && said.code == Some(0), "{said:#?}");

    let said = run(&mut attic.check(&["--package", "cellar", "--as-of", "2020-01-01", "--deny", "expired"]));
    assert_eq!((said.code, &*said.stdout), (Some(0), ""), "{said:#?}");
    assert!(said.stderr.contains("note: no flag has expired as of 2020-01-01"), "{said:#?}");

    for wrong in ["2026-02-30", "tomorrow", "20260101", "2026-1-1", "2026-01-01T00:00"] {
        let said = run(&mut attic.check(&["--as-of", wrong])).failed(2);
        assert!(said.contains(wrong) && said.contains("--as-of") && said.contains("YYYY-MM-DD"), "{said}");
    }
}

#[test]
fn a_denied_finding_is_exit_code_1_below_the_whole_list() {
    let attic = Attic::new();
    let said = run(&mut attic.check(&["--package", "cellar", "--as-of", "2026-11-01", "--deny", "expired"]));
    assert_eq!(said.code, Some(1), "{said:#?}");
    assert_eq!(said.stdout.lines().count(), 8, "{said:#?}");
    assert!(said.stderr.ends_with("error: 2 flags have expired: `old_cheese`, `old_wine`\n"), "{said:#?}");
}

#[test]
fn another_wrapper_is_said_not_to_be_called() {
    let attic = Attic::new();
    let words = ["--package", "cellar", "--as-of", "2020-01-01"];
    let said = run(attic.check(&words).env("RUSTC_WORKSPACE_WRAPPER", "/nonexistent"));
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.stderr.contains("warning: the check takes the place of your RUSTC_WORKSPACE_WRAPPER"), "{said:#?}");
}

#[test]
fn a_check_of_nothing_is_no_clean_one() {
    let attic = Attic::new();
    let said = run(&mut attic.check(&["--workspace", "--", "--help"]));
    assert_eq!(said.code, Some(2), "{said:#?}");
    assert!(said.stderr.contains("error: cargo checked nothing"), "{said:#?}");
}

#[test]
fn code_that_does_not_compile_is_an_error_and_no_list() {
    let fixture = crate::fixture::fixture();
    let said = run(&mut fixture.command("shop-broken", &["check"])).failed(2);
    assert!(said.contains("mismatched types") && said.contains("the check failed"), "{said}");
    let said = run(&mut fixture.command("", &["check", "--package", "shp"])).failed(2);
    assert!(said.contains("no package `shp` in this workspace"), "{said}");
}

#[test]
fn plain_builds_warn_once_a_use_and_once_a_declaration_and_have_ways_out() {
    let attic = Attic::new();
    let day = ("FLAGS_TODAY", "2026-11-01");
    let warnings = |said: &Said| said.stderr.matches(" of deprecated static").count();

    // The date is one that cargo follows: the same sources, another day.
    let silent = attic.cargo_check(&[]);
    assert_eq!((silent.code, warnings(&silent)), (Some(0), 0), "{silent:#?}");

    // Of the library as a library: one for each date and for each use, but for the one that is allowed.
    let plain = attic.cargo(&["check", "--package", "cellar"], &[day, ("RUSTFLAGS", "--cap-lints=warn")]);
    assert_eq!((plain.code, warnings(&plain)), (Some(0), 4), "{plain:#?}");

    // `cellar` denies all warnings.
    let denied = attic.cargo_check(&[day]);
    assert_eq!(denied.code, Some(101), "{denied:#?}");

    // The ways out of `-D warnings` and its like: a warning by force, or silence and the check as the gate.
    let forced = attic.cargo_check(&[day, ("RUSTFLAGS", "-D warnings --force-warn deprecated")]);
    assert_eq!(forced.code, Some(0), "{forced:#?}");
    // 5 in the library, 1 in its tests, 1 in its other test and 1 in the program; forced, the allowed one is told as well.
    // The first one of a crate has a note on why it is told, which is told once: `flag!` names its flag twice.
    assert_eq!(warnings(&forced), 8 + 2, "{forced:#?}");
    let allowed = attic.cargo_check(&[day, ("RUSTFLAGS", "-D warnings"), ("FLAGS_EXPIRED", "allow")]);
    assert_eq!((allowed.code, warnings(&allowed)), (Some(0), 0), "{allowed:#?}");

    // Denied is a lint, which is capped in a dependency: cargo caps those of registries and of repositories.
    let capped = [day, ("FLAGS_EXPIRED", "deny"), ("RUSTFLAGS", "--cap-lints=warn")];
    assert_eq!(attic.cargo_check(&capped).code, Some(0));
    let capped = [day, ("FLAGS_EXPIRED", "deny"), ("RUSTFLAGS", "--cap-lints=allow")];
    let capped = attic.cargo_check(&capped);
    assert_eq!((capped.code, warnings(&capped)), (Some(0), 0), "{capped:#?}");
}
