//! `export --format openfeature-manifest`: declarations as the manifest of the OpenFeature CLI, by real and by made files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::made::{artifact, flag};
use crate::support::{Said, cargo_flags, run};

const MANIFEST: [&str; 3] = ["export", "--format", "openfeature-manifest"];

fn export(file: &Path) -> Said {
    run(cargo_flags().args(MANIFEST).arg("--artifact").arg(file))
}

fn made(folder: &Path, flags: &[(&str, Value)]) -> PathBuf {
    let records: Vec<_> = flags.iter().map(|(name, fields)| flag(name, "shop", fields.clone())).collect();
    artifact(folder, "made", &records)
}

/// What open-feature/cli's `schema/v0/flag-manifest.json` demands, and nothing beside it.
#[track_caller]
fn assert_is_manifest(manifest: &Value) {
    let flag = |flag_type: &str, default: Value| {
        json!({
            "type": "object", "required": ["flagType", "defaultValue"], "additionalProperties": false,
            "properties": {"flagType": {"const": flag_type}, "defaultValue": default, "description": {"type": "string", "minLength": 1}},
        })
    };
    let flags = [
        flag("boolean", json!({"type": "boolean"})),
        flag("string", json!({"type": "string"})),
        flag("integer", json!({"type": "integer"})),
        flag("float", json!({"type": "number"})),
        flag("object", json!({})),
    ];
    let schema = json!({
        "type": "object", "required": ["$schema", "flags"], "additionalProperties": false,
        "properties": {
            "$schema": {"const": "https://raw.githubusercontent.com/open-feature/cli/refs/heads/main/schema/v0/flag-manifest.json"},
            "flags": {"type": "object", "additionalProperties": false, "patternProperties": {"^.{1,}$": {"oneOf": flags}}},
        },
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(manifest).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{manifest:#}");
}

#[track_caller]
fn manifest(said: &Said) -> Value {
    let manifest = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_is_manifest(&manifest);
    manifest
}

#[test]
fn a_manifest_has_every_type_of_flag_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(
        folder.path(),
        &[
            ("on", json!({"default": true, "doc": " What it is for.\nAnd more. "})),
            ("size", json!({"type": "u8", "default": 20, "key": "Page Size"})),
            ("big", json!({"type": "u64", "default": u64::MAX})),
            ("low", json!({"type": "isize", "default": -3})),
            ("share", json!({"type": "f32", "default": 0.25})),
            ("text", json!({"type": "string", "default": "ä \"b\""})),
            ("pricing", json!({"type": "enum", "default": "control", "variants": ["control", "variant_a"]})),
            ("theirs", json!({"provider": "launchdarkly"})),
        ],
    );
    let said = export(&file);
    assert_eq!(
        manifest(&said)["flags"],
        json!({
            "on": {"flagType": "boolean", "defaultValue": true, "description": "What it is for.\nAnd more."},
            "Page Size": {"flagType": "integer", "defaultValue": 20},
            "big": {"flagType": "integer", "defaultValue": u64::MAX},
            "low": {"flagType": "integer", "defaultValue": -3},
            "share": {"flagType": "float", "defaultValue": 0.25},
            "text": {"flagType": "string", "defaultValue": "ä \"b\""},
            "pricing": {"flagType": "string", "defaultValue": "control"},
            "theirs": {"flagType": "boolean", "defaultValue": false},
        })
    );
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
}

#[test]
fn a_manifest_is_made_of_packages_as_list_takes_them_and_asks_no_server() {
    // Nobody listens there.
    let export = |package: &str, words: &[&str]| {
        let mut command = fixture().command(package, &[&MANIFEST, words].concat());
        run(command.env("FLAGS_SOURCE", "redis://127.0.0.1:1"))
    };
    let keys = |said: &Said| manifest(said)["flags"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let shop = export("shop", &[]);
    assert_eq!(keys(&shop), "Page Size new_checkout pricing");
    assert_eq!(
        manifest(&shop)["flags"]["new_checkout"],
        json!({"flagType": "boolean", "defaultValue": false, "description": "Checkout on the \"new\" cart | service."})
    );
    assert_eq!(keys(&export("shop", &["-p", "shop-prices"])), "discount");
    assert_eq!(keys(&export("", &[])), "Page Size discount new_checkout plugin_mode pricing");
    assert_eq!(shop.code, Some(0));
}

#[test]
fn a_default_that_only_the_program_knows_is_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(
        folder.path(),
        &[
            ("known", json!({})),
            ("limits", json!({"type": "json", "default": {"expr": "Limits::new()"}, "line": 7})),
            ("share", json!({"type": "f64", "default": {"expr": "1.0 / 3.0"}})),
            ("size", json!({"type": "u8", "default": {"expr": "size()"}})),
            ("embedded_names", json!({"default": null, "file": null})),
            ("of_later", json!({"type": "duration", "default": "1s"})),
        ],
    );
    let said = export(&file);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(manifest(&said)["flags"], json!({"known": {"flagType": "boolean", "defaultValue": false}}));
    for line in [
        "warning: `limits` is left out: only the program knows its default `Limits::new()`, declared at shop/src/lib.rs:7:12 \
         (package shop 1.0.0): add the flag to the file by hand",
        "warning: `share` is left out: only the program knows its default `1.0 / 3.0`, declared at shop/src/lib.rs:3:12 (package \
         shop 1.0.0): declare it as a plain number like 0.5, or add the flag to the file by hand",
        "warning: `size` is left out: only the program knows its default `size()`, declared at shop/src/lib.rs:3:12 (package shop \
         1.0.0): declare a constant `default`, or add the flag to the file by hand",
        "warning: `embedded_names` is left out: its record in package shop 1.0.0 has no default: build without FLAGS_EMBED=names",
        "warning: `of_later` is left out: its type `duration`, declared at shop/src/lib.rs:3:12 (package shop 1.0.0), is one that \
         this version does not know: take a newer cargo-flags",
        "error: not all flags were written: `embedded_names`, `limits`, `of_later`, `share`, `size` left out",
    ] {
        assert!(said.stderr.lines().any(|said| said == line), "{line}\n{}", said.stderr);
    }
}

#[test]
fn one_flag_of_two_builds_is_written_once_if_they_agree_and_else_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        flag("same", "shop", json!({"doc": "One."})),
        flag("same", "shop", json!({"ver": "2.0.0", "line": 9})),
        flag("named", "shop", json!({"default": true})),
        flag("named", "shop", json!({"ver": "2.0.0", "default": null, "file": null})),
        flag("moved", "shop", json!({})),
        flag("moved", "shop", json!({"ver": "2.0.0", "default": true, "line": 9})),
        flag("one", "shop", json!({"key": "Key"})),
        flag("other", "shop", json!({"key": "Key", "type": "u8", "default": 1, "line": 5})),
    ];
    let said = export(&artifact(folder.path(), "made", &records));
    assert_eq!(
        manifest(&said)["flags"],
        json!({
            "same": {"flagType": "boolean", "defaultValue": false, "description": "One."},
            "named": {"flagType": "boolean", "defaultValue": true},
        })
    );
    assert!(
        said.stderr.contains(
            "warning: `moved` is left out: its type or its default is another one at shop/src/lib.rs:9:12 (package shop 2.0.0) than \
             at shop/src/lib.rs:3:12 (package shop 1.0.0): export the flags of one of them\n"
        ),
        "{said:?}"
    );
    assert!(said.stderr.contains("`Key` is left out") && said.code == Some(2), "{said:?}");
}

#[test]
fn a_program_without_flags_makes_an_empty_manifest_and_a_warning() {
    let said = export(Path::new(env!("CARGO_BIN_EXE_cargo-flags")));
    assert_eq!(manifest(&said)["flags"], json!({}));
    assert!(said.stderr.contains("warning: no flags are recorded there") && said.code == Some(0), "{said:?}");
}

#[test]
fn what_plays_no_part_in_a_format_is_refused_with_the_one_that_it_goes_with() {
    let file = fixture().program();
    let file = file.to_str().unwrap();
    for (words, expected) in [
        (&["--artifact", file][..], "go with --format flagd or openfeature-manifest"),
        (&["--workspace"], "go with --format flagd or openfeature-manifest"),
        (&["--file", "x"], "--file goes with --format flagd"),
        (&["--format", "openfeature-manifest", "--redis", "redis://127.0.0.1:1"], "has declarations alone"),
        (&["--format", "openfeature-manifest", "--file", "x"], "has declarations alone"),
        (&["--format", "openfeature-manifest", "--all"], "--all goes with documents"),
        (&["--format", "flagd", "--all"], "--all goes with documents"),
        (&["--format", "flagd", "--file", "x", "--redis", "redis://127.0.0.1:1"], "cannot be used with"),
        (&["--format", "openfeature"], "[possible values: documents, openfeature-manifest, flagd]"),
        (&["--format", "openfeature-manifest", "--artifact", "/nowhere"], "the file cannot be read"),
    ] {
        let error = run(cargo_flags().arg("export").args(words)).failed(2);
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}
