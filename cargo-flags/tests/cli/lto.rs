//! A stripped release program of three crates, linked with fat LTO: flags and call sites complete and right, also elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{cargo_flags, repository, run, write_changed};

const BASE: &str = r#"use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "base_used", default = false, expires = "2099-01-01", owner = "core")]
pub static USED: Flag<bool>;
#[feature_flag(name = "base_unread", default = 7, expires = "2099-01-01", owner = "core")]
pub static UNREAD: Flag<u8>;

pub fn called() -> bool {
    flag!(USED)
}

pub fn never_called() -> bool {
    flag!(USED)
}
"#;

const CART: &str = r#"use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "cart_new", default = false, expires = "2026-10-01", owner = "payments")]
pub static NEW: Flag<bool>;

#[inline(always)]
pub fn inlined() -> bool {
    flag!(NEW)
}

/// One place, however often it is made.
pub fn generic<T: std::fmt::Debug>(value: T) -> String {
    if flag!(NEW) { format!("{value:?}") } else { String::new() }
}

#[feature_flag(name = "cart_gated", default = false, expires = "2099-01-01", owner = "payments", off = old)]
pub fn gated() -> u8 { 2 }
fn old() -> u8 { 1 }
"#;

const APP: &str = r#"use flags_runtime::flag;

fn main() {
    let on = base::called() && cart::inlined() && flag!(base::USED);
    println!("{on} {} {} {}", cart::generic(1), cart::generic("one"), cart::gated());
}
"#;

fn write(folder: &Path) {
    let runtime = repository("flags-runtime").display().to_string();
    let files = [
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"base\", \"cart\"]\n[profile.release]\nlto = \"fat\"\nstrip = true\npanic = \"abort\"\ncodegen-units = 1\n".to_owned()),
        ("base/src/lib.rs", BASE.to_owned()),
        ("cart/src/lib.rs", CART.to_owned()),
        ("app/src/main.rs", APP.to_owned()),
    ];
    let manifest = |name: &str, more: &str| {
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"3.2.1\"\nedition = \"2024\"\n[dependencies]\nflags-runtime = {{ path = {runtime:?} }}\n{more}"
        );
        (format!("{name}/Cargo.toml"), text)
    };
    let manifests = [
        manifest("base", ""),
        manifest("cart", ""),
        manifest("app", "base = { path = \"../base\" }\ncart = { path = \"../cart\" }\n"),
    ];
    let files = files.into_iter().map(|(file, text)| (file.to_owned(), text)).chain(manifests);
    for (file, text) in files {
        write_changed(&folder.join(file), &text);
    }
    fs::copy(repository("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

/// `flag file:line` of every `flag!` and of every gate.
fn expected() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (file, text, names) in [
        ("base/src/lib.rs", BASE, &[("flag!(USED)", "base_used")][..]),
        ("cart/src/lib.rs", CART, &[("flag!(NEW)", "cart_new"), ("off = old", "cart_gated")]),
        ("app/src/main.rs", APP, &[("flag!(base::USED)", "base_used")]),
    ] {
        for (line, text) in text.lines().enumerate() {
            let of_line = names.iter().filter(|(code, _)| text.contains(code));
            found.extend(of_line.map(|(_, name)| format!("{name} {file}:{}", line + 1)));
        }
    }
    found
}

fn sites(dump: &str) -> BTreeSet<String> {
    let records = dump.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sites = records.filter(|record| record["k"] == "site");
    sites
        .map(|site| format!("{} {}:{}", site["name"].as_str().unwrap(), site["file"].as_str().unwrap(), site["line"]))
        .collect()
}

#[test]
fn a_stripped_program_of_three_crates_tells_all_of_its_flags_and_places() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lto");
    write(&folder);
    let here = |words: &[&str]| run(cargo_flags().args(words).current_dir(folder.join("app")));
    let dumped = here(&["dump", "--release"]).done();
    assert_eq!(sites(&dumped), expected());

    // The program alone, in another folder, without the sources.
    let elsewhere = tempfile::tempdir().unwrap();
    let program = elsewhere.path().join("service");
    fs::copy(folder.join(format!("target/release/app{}", std::env::consts::EXE_SUFFIX)), &program).unwrap();
    let there = |words: &[&str]| {
        run(cargo_flags().args(words).args(["--artifact", program.to_str().unwrap()]).current_dir(elsewhere.path()))
    };
    assert_eq!(there(&["dump"]).done(), dumped);
    let list = there(&["list", "--format", "json"]).json();
    let flags: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| {
            format!(
                "{} {} {} {}",
                flag["name"].as_str().unwrap(),
                flag["package"].as_str().unwrap(),
                flag["version"].as_str().unwrap(),
                flag["call_sites"]
            )
        })
        .collect();
    assert_eq!(
        flags,
        ["base_unread base 3.2.1 0", "base_used base 3.2.1 3", "cart_gated cart 3.2.1 1", "cart_new cart 3.2.1 2"]
    );
    let audit = there(&["audit", "--as-of", "2026-11-01", "--format", "json"]).json();
    let found: Vec<_> = audit["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| format!("{} {}", finding["kind"].as_str().unwrap(), finding["flag"].as_str().unwrap()))
        .collect();
    assert_eq!(found, ["expired cart_new", "unused base_unread"]);
    let refs = here(&["refs", "cart_new", "--release", "--format", "json"]).json();
    let lines: Vec<_> =
        refs["call_sites"].as_array().unwrap().iter().map(|site| site["source"].as_str().unwrap()).collect();
    assert_eq!(lines, ["flag!(NEW)", "if flag!(NEW) { format!(\"{value:?}\") } else { String::new() }"]);
    assert!(there(&["refs", "cart_new", "--format", "json"]).json()["call_sites"][0]["source"].is_null());
    // The workspace as a whole tells the same; its libraries are linked.
    let audit = run(cargo_flags()
        .args(["audit", "--workspace", "--release", "--skip", "old", "--as-of", "2026-11-01", "--format", "json"])
        .current_dir(&folder))
    .json();
    assert_eq!(
        (&audit["flags"], &audit["call_sites"], &audit["unlinked"]),
        (&4.into(), &6.into(), &serde_json::json!([]))
    );
}
