//! Records survive fat LTO, strip and panic=abort, `FLAGS_EMBED` chooses what a binary carries, and builds are reproducible.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use flags_runtime::registry::introspect::{Record, RecordKind, read_file};
use flags_workspace_tests::cargo_in_fixture;

fn build(embed: Option<&str>) -> (Output, PathBuf) {
    let (mut command, target) = cargo_in_fixture("section");
    command.args(["build", "--release", "--quiet", "--lib", "--bins", "--examples"]);
    let output = command.envs(embed.map(|embed| ("FLAGS_EMBED", embed))).output().unwrap();
    (output, program(&target))
}

/// The tests share a target folder.
static TURN: Mutex<()> = Mutex::new(());

fn program(target: &Path) -> PathBuf {
    target.join(format!("release/section{EXE_SUFFIX}"))
}

fn example(target: &Path) -> PathBuf {
    target.join(format!("release/examples/tour{EXE_SUFFIX}"))
}

fn plugin(target: &Path) -> PathBuf {
    target.join(format!("release/{DLL_PREFIX}plugin{DLL_SUFFIX}"))
}

fn records(embed: Option<&str>) -> Vec<Record> {
    let (output, binary) = build(embed);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ran = Command::new(&binary).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "(1, true) (\"a\", true) false\n");
    read_file(&binary).unwrap()
}

#[test]
fn records_survive_a_small_release_build_and_embed_chooses_what_they_say() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let full = records(None);
    let names = |kind| {
        let mut names: Vec<_> = full.iter().filter(|record| record.kind == kind).map(|record| &*record.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(RecordKind::Flag), ["declared_twice", "section_bool"]);
    assert_eq!(names(RecordKind::Site), ["declared_twice", "section_bool"], "a generic function is one site");
    let flag = full.iter().find(|record| record.kind == RecordKind::Flag && record.name == "section_bool").unwrap();
    let expected = serde_json::json!({
        "v": 1, "k": "flag", "rt": "0.1.0", "name": "section_bool",
        "pkg": "section", "ver": "0.0.0", "file": "src/main.rs", "line": 10, "col": 8, "mod": "section",
        "type": "bool", "default": true, "variants": [], "expires": "2099-01-01", "owner": "payments", "created": null,
        "ticket": "PAY-1", "kind": null, "public": false, "provider": null, "doc": "Says \"hello\" \\ twice."
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&flag.json).unwrap(), expected);
    let site = full.iter().find(|record| record.kind == RecordKind::Site && record.name == "section_bool").unwrap();
    assert_eq!((site.line, site.column), (Some(13), Some(13)));

    let names_only = records(Some("names"));
    assert_eq!(names_only.len(), full.len());
    assert!(names_only.iter().all(|record| record.file.is_none() && !record.json.contains("payments")));
    assert_eq!(records(Some("none")), []);

    let (output, _) = build(Some("some"));
    let said = String::from_utf8_lossy(&output.stderr);
    let sentence = "the environment variable `FLAGS_EMBED` is `some`: set it to `none`, `names` or `full`, or unset it";
    assert!(!output.status.success() && said.contains(sentence) && !said.contains("E0080"), "{said}");
}

#[test]
fn examples_and_c_libraries_carry_their_records_too() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (output, _) = build(None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (_, target) = cargo_in_fixture("section");
    let read = |file: PathBuf| -> Vec<_> {
        let records = read_file(&file).unwrap();
        let mut shown: Vec<_> = records.iter().map(|record| (record.name.clone(), record.line, record.kind)).collect();
        shown.sort_by_key(|(_, line, _)| *line);
        shown
    };
    let flag_and_site = |name: &str, declared: u32, read: u32| {
        vec![(name.to_owned(), Some(declared), RecordKind::Flag), (name.to_owned(), Some(read), RecordKind::Site)]
    };
    assert_eq!(read(example(&target)), flag_and_site("tour_length", 9, 12));
    assert_eq!(read(plugin(&target)), flag_and_site("plugin_bool", 6, 12));
}

#[test]
fn two_builds_with_one_source_date_epoch_are_equal_to_the_last_bit() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let built = || {
        let (mut clean, target) = cargo_in_fixture("section");
        let cleaned = clean.args(["clean", "--quiet", "--release", "--package", "section", "--package", "other-crate"]);
        assert!(cleaned.status().unwrap().success());
        let (mut command, _) = cargo_in_fixture("section");
        command.args(["build", "--release", "--lib", "--bins", "--examples"]);
        // A flag of the library has expired by then.
        let output = command.env_remove("FLAGS_TODAY").env("SOURCE_DATE_EPOCH", "1790000000").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("Compiling section"), "{said}");
        assert!(said.contains("feature flag `plugin_bool` expired on 2020-01-01"), "{said}");
        [program(&target), example(&target), plugin(&target)].map(|file| fs::read(file).unwrap())
    };
    let (first, second) = (built(), built());
    assert!(first.iter().all(|file| !file.is_empty()) && first == second, "the files differ");
}
