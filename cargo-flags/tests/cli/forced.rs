//! `test`: `cargo test` with forced flags, on a real package whose tests read them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Said, cargo_flags, repository, run, write_changed};

const LIBRARY: &str = r#"use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
pub enum Pricing { Control, VariantB }

#[feature_flag(name = "new_cart", default = false, expires = "2099-01-01")]
pub static NEW_CART: Flag<bool>;
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
pub static PRICING: Flag<Pricing>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_cart() {
        println!("read {} {:?}", flag!(NEW_CART), flag!(PRICING));
        assert!(flag!(NEW_CART), "the old cart");
    }
}
"#;

fn test(features: &str, words: &[&str]) -> Said {
    run(cargo_flags().arg("test").args(words).current_dir(package(features)))
}

/// The package; its folder is the same for every run, so that its dependencies are built once.
fn package(features: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("forced{features}"));
    let runtime = repository("flags-runtime").display().to_string();
    let files = [
        (
            "Cargo.toml",
            format!(
                "[package]\nname = \"shop\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[workspace]\n[profile.dev]\ndebug = false\n\
                 [dependencies]\nflags-runtime = {{ path = {runtime:?} }}\n\
                 [dev-dependencies]\nflags-runtime = {{ path = {runtime:?}, features = [{features}] }}\n"
            ),
        ),
        ("src/lib.rs", LIBRARY.to_owned()),
    ];
    for (file, text) in files {
        write_changed(&folder.join(file), &text);
    }
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

#[test]
fn tests_run_with_what_is_forced_and_their_failure_is_exit_code_1() {
    let test = |words: &[&str]| test("\"testing\"", words);
    let said = test(&["--force", "new_cart=true,pricing=variant_b", "--", "--lib", "--", "--nocapture"]);
    assert!(said.stdout.contains("read true VariantB") && said.stdout.contains("1 passed"), "{said:?}");
    assert!(said.stderr.contains("note: FLAGS_FORCE=new_cart=true,pricing=variant_b"), "{said:?}");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(test(&["--all-on", "--", "--lib"]).code, Some(0));
    let said = test(&["--all-on", "--force", "new_cart=false", "--force", "pricing=\"variant_b\"", "--", "--lib"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("the old cart")
            && said
                .stderr
                .contains("error: cargo test failed with FLAGS_FORCE=all-on,new_cart=false,pricing=\"variant_b\""),
        "{said:?}"
    );
    // A filter that leaves nothing to run is cargo's to tell.
    assert!(test(&["--all-off", "--", "--lib", "no_such_test"]).stdout.contains("0 passed"));
}

#[test]
fn what_the_tests_cannot_be_forced_to_is_said_before_they_run() {
    let test = |words: &[&str]| test("\"testing\"", words).failed(2);
    for (words, expected) in [
        (&[][..], "nothing is forced: give --force NAME=VALUE, --all-on or --all-off"),
        (&["--force", "new_crat=true"], "none of these tests has a flag `new_crat`: did you mean `new_cart`?"),
        (&["--force", "new_cart"], "`new_cart` is given no value: write `new_cart=true`"),
        (&["--force", "pricing=\"variant_b,new_cart=true"], "close its quotes and brackets"),
        (&["--force", "new_cart=on"], "`on` is no value of `new_cart`: write `true` or `false`"),
        (&["--force", "new_cart=true", "--", "--features", "no-such"], "the tests do not compile"),
        (&["--all-on", "--all-off"], "cannot be used with"),
    ] {
        let error = test(words);
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}

#[test]
fn tests_that_would_not_obey_are_not_run() {
    let error = test("", &["--force", "new_cart=true"]).failed(2);
    assert!(
        error.contains("built without the feature `testing` of flags-runtime") && error.contains("[dev-dependencies]"),
        "{error}"
    );
}

#[test]
fn coverage_names_the_sides_that_no_test_saw() {
    let folder = package("\"testing\"");
    let coverage = tempfile::tempdir().unwrap();
    let covered = |words: &[&str]| {
        let mut command = cargo_flags();
        run(command.arg("coverage").args(words).arg("--dir").arg(coverage.path()).current_dir(&folder))
    };
    let error = covered(&[]).failed(2);
    assert!(
        error.contains("there is no coverage in") && error.contains("FLAGS_COVERAGE=target/flags-coverage cargo test"),
        "{error}"
    );
    let test = |force: &str| {
        let mut command = cargo_flags();
        command
            .args(["test", "--force", force, "--", "--lib"])
            .current_dir(&folder)
            .env("FLAGS_COVERAGE", coverage.path());
        run(&mut command)
    };
    assert_eq!(test("new_cart=true").code, Some(0));
    let said = covered(&["--format", "json", "--deny"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("note: 0 of 2 flags were seen from all sides")
            && said.stderr.contains("error: of 2 flags a side was never seen"),
        "{said:?}"
    );
    let flags: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    crate::schema::assert_described("coverage", &flags);
    let shown = |flags: &serde_json::Value| -> Vec<String> {
        flags
            .as_array()
            .unwrap()
            .iter()
            .map(|flag| format!("{} {} {}", flag["flag"].as_str().unwrap(), flag["seen"], flag["missing"]))
            .collect()
    };
    assert_eq!(shown(&flags), [r#"new_cart ["on"] ["off"]"#, r#"pricing ["control"] ["variant_b"]"#]);
    assert_eq!((&flags[0]["package"], &flags[0]["file"]), (&"shop".into(), &"src/lib.rs".into()));
    // A flag that no test program reads is covered by none: it is known by what was built.
    run(cargo_flags().arg("list").current_dir(&folder)).done();
    fs::write(coverage.path().join("shop-0.jsonl"), "").unwrap();
    let files: Vec<_> = fs::read_dir(coverage.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let texts: Vec<_> = files.iter().map(|file| (file, fs::read_to_string(file).unwrap())).collect();
    for file in &files {
        fs::write(file, "").unwrap();
    }
    assert_eq!(
        shown(&covered(&["--format", "json"]).json()),
        [r#"new_cart [] ["off","on"]"#, r#"pricing [] ["control","variant_b"]"#]
    );
    for (file, text) in &texts {
        fs::write(file, text).unwrap();
    }
    // The other sides, by a run that fails.
    assert_eq!(test("new_cart=false,pricing=variant_b").code, Some(1));
    assert_eq!(covered(&["--deny"]).code, Some(0));
    assert_eq!(covered(&["--format", "json"]).json(), serde_json::json!([]));
    assert_eq!(shown(&covered(&["--format", "json", "--all"]).json()).len(), 2);
    // A process that was killed in the middle of a line takes nothing else along.
    fs::write(coverage.path().join("killed-1.jsonl"), "{\"flag\":\"new_c").unwrap();
    let said = covered(&["--deny"]);
    assert!(
        said.code == Some(0) && said.stderr.contains("killed-1.jsonl holds a line that no test wrote whole"),
        "{said:?}"
    );
}

/// The README's testing section, in a crate that has nothing else.
#[test]
fn the_tests_of_the_readme_run_as_printed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("\n## Testing\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks: Vec<_> = section.split("```rust\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let shown = |block: &str| {
        block
            .lines()
            .filter(|line| !line.starts_with("# "))
            .map(|line| format!("{line}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let runtime = repository("flags-runtime").display().to_string();
    let files = [
        (
            "Cargo.toml",
            format!(
                "[package]\nname = \"readme\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[workspace]\n[profile.dev]\ndebug = false\n\
                 [dev-dependencies]\nflags-runtime = {{ path = {runtime:?}, features = [\"testing\"] }}\n\
                 tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n"
            ),
        ),
        ("src/lib.rs", String::new()),
        ("tests/attribute.rs", shown(blocks[1])),
        ("examples/guard.rs", shown(blocks[0])),
    ];
    for (file, text) in files {
        write_changed(&folder.join(file), &text);
    }
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let cargo = |words: &[&str]| {
        let mut command = std::process::Command::new("cargo");
        run(command.args(words).current_dir(&folder).env("CARGO_NET_OFFLINE", "true").env_remove("RUSTFLAGS"))
    };
    let said = cargo(&["test", "--test", "attribute"]);
    assert!(said.code == Some(0) && said.stdout.contains("7 passed"), "{said:?}");
    let said = cargo(&["run", "-q", "--example", "guard"]);
    assert_eq!((said.code, &*said.stdout), (Some(0), ""), "{said:?}");
}
