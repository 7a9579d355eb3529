//! `test`: `cargo test` with forced flags, on a real package whose tests read them.

use std::fs;
use std::path::Path;

use crate::support::{Said, cargo_flags, repository, run};

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

/// The package; its folder is the same for every run, so that its dependencies are built once.
fn test(features: &str, words: &[&str]) -> Said {
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
        let path = folder.join(file);
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    run(cargo_flags().arg("test").args(words).current_dir(&folder))
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
