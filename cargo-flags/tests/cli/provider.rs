//! Flags that a provider decides: who lists them, and what an audit says of them and leaves to the provider.

use std::fs;
use std::path::{Path, PathBuf};

use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::audit::findings;
use crate::made::{artifact, flag, site};
use crate::schema::assert_described;
use crate::support::{at, cargo_flags, run};

fn list(file: &Path, format: &str) -> String {
    run(cargo_flags().args(["list", "--format", format, "--artifact"]).arg(file)).done()
}

fn made(folder: &Path, flags: &[(&str, Value)]) -> PathBuf {
    let records = flags.iter().flat_map(|(name, fields)| [flag(name, "shop", fields.clone()), site(name, "shop", 1)]);
    artifact(folder, "made", &records.collect::<Vec<_>>())
}

fn of_provider() -> Value {
    json!({"provider": "launchdarkly"})
}

#[test]
fn list_says_who_decides_and_machines_find_the_column_always() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path(), &[("ours", json!({})), ("theirs", of_provider())]);
    let json: Value = serde_json::from_str(&list(&file, "json")).unwrap();
    assert_eq!((&json[0]["provider"], &json[1]["provider"]), (&Value::Null, &json!("launchdarkly")));
    assert_described("list", &json);
    let csv = list(&file, "csv");
    assert_eq!(csv.lines().next(), Some("flag,type,default,expires,owner,call sites,package,declared at,provider"));
    let ends: Vec<_> = csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(ends, ["", "launchdarkly"]);
    let table = list(&file, "table");
    assert!(table.lines().next().unwrap().ends_with("PROVIDER"), "{table}");
    assert!(table.lines().nth(2).unwrap().ends_with(" launchdarkly"), "{table}");
    assert!(list(&file, "markdown").contains(" | provider |\n"), "{}", list(&file, "markdown"));

    let file = made(folder.path(), &[("ours", json!({}))]);
    assert!(!list(&file, "table").contains("PROVIDER"), "an empty column tells people nothing");
    assert!(list(&file, "csv").starts_with("flag,") && list(&file, "csv").contains(",provider\n"));
    assert!(list(&file, "markdown").contains(" | provider |\n"));
}

#[test]
fn an_audit_leaves_to_the_provider_what_only_documents_tell() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(
        folder.path(),
        &[
            ("known_there", of_provider()),
            ("on_here", of_provider()),
            ("ours", json!({})),
            ("ours_on", json!({})),
            ("refused", of_provider()),
            ("unshared", of_provider()),
        ],
    );
    // A build reports, so that documents of nobody are told.
    let build = json!({"v": 1, "build": "b", "service": "web", "at": 0, "runtime": "0.1.0", "flags": []});
    server.cli(&["SET", "ff-meta:build:b", &build.to_string()]);
    server.cli(&["ZADD", "ff-meta:builds", "9999999999", "b"]);
    for (key, document) in [
        ("on_here", r#"{"name":"on_here","enabled":true}"#),
        ("ours_on", r#"{"name":"ours_on","enabled":true}"#),
        ("refused", r#"{"name":"refused","enabled":"yes"}"#),
        ("unshared", r#"{"enabled":true,"rollout_percentage":50}"#),
        ("of_nobody", r#"{"name":"of_nobody","enabled":true,"rollout_percentage":50}"#),
    ] {
        server.cli(&["SET", &format!("ff:{key}"), document]);
    }
    let json = run(at(&server, &["audit", "--skip", "old", "--format", "json"]).arg("--artifact").arg(&file)).json();
    assert_eq!(
        findings(&json),
        [
            // Its document answers where the provider does not know the flag, and Python services read it anyway.
            "drift refused",
            "unshareable unshared",
            "fully-rolled-out ours_on",
            "undeclared of_nobody",
            "undocumented ours",
        ]
    );
    let page = run(at(&server, &["audit", "--skip", "old", "--format", "html"]).arg("--artifact").arg(&file)).done();
    assert!(page.contains("by launchdarkly"), "{page}");
}

#[test]
fn an_older_build_that_documents_decide_still_needs_its_document() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let records = [
        flag("moved", "shop", json!({"ver": "0.9.0"})),
        flag("moved", "shop", of_provider()),
        site("moved", "shop", 1),
    ];
    let file = artifact(folder.path(), "made", &records);
    let json =
        run(at(&server, &["audit", "--only", "undocumented", "--format", "json"]).arg("--artifact").arg(&file)).json();
    assert_eq!(findings(&json), ["undocumented moved"]);
}

#[test]
fn an_audit_tells_of_a_providers_flag_what_the_code_tells() {
    let folder = tempfile::tempdir().unwrap();
    let fields = json!({"provider": "launchdarkly", "expires": "2026-10-31", "owner": null, "created": "2020-01-01"});
    let file = artifact(folder.path(), "made", &[flag("theirs", "shop", fields)]);
    let audit = ["audit", "--as-of", "2026-11-01", "--format", "json", "--artifact"];
    let json = run(cargo_flags().args(audit).arg(&file)).json();
    assert_eq!(findings(&json), ["expired theirs", "unused theirs", "old theirs", "no-owner theirs"]);
}

#[test]
fn an_override_file_that_answers_for_a_providers_flag_is_drift_from_the_provider() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("theirs", of_provider())]);
    let process = json!({"v": 1, "instance": "p1", "service": "web", "host": "h", "pid": 1, "build": "b", "started": 0, "at": 0,
        "state": "live", "flags": {"theirs": {"sha": null, "overridden": true}}});
    server.cli(&["SET", "ff-meta:instance:p1", &process.to_string()]);
    server.cli(&["ZADD", "ff-meta:instances", "9999999999", "p1"]);
    let json = run(at(&server, &["audit", "--only", "drift", "--format", "json"]).arg("--artifact").arg(&file)).json();
    assert_eq!(findings(&json), ["drift theirs"]);
    assert_eq!(json["findings"][0]["fix"], "take it out of the override file when launchdarkly says the same");
}

#[test]
fn an_explanation_by_the_document_says_that_a_provider_decides_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path(), &[("ours", json!({})), ("theirs", of_provider())]);
    let documents = folder.path().join("documents.json");
    fs::write(&documents, r#"{"ours":{"enabled":true},"theirs":{"enabled":true}}"#).unwrap();
    let explain = |name: &str| {
        let mut command = cargo_flags();
        run(command.args(["explain", name, "--user", "ada", "--file"]).arg(&documents).arg("--artifact").arg(&file))
    };
    let said = explain("theirs");
    let note = "note: launchdarkly decides `theirs`: this holds where that does not know the flag\n";
    assert_eq!((&*said.stderr, said.code), (note, Some(0)));
    assert_eq!(explain("ours").stderr, "");
}

#[test]
fn a_write_that_a_provider_may_leave_without_effect_is_done_with_a_warning() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("ours", json!({})), ("theirs", of_provider())]);
    let warning = "warning: launchdarkly decides `theirs`: what is written holds where that does not know the flag; change it there, \
                   or by an override file\n";
    for words in [&["off", "theirs"][..], &["on", "theirs"], &["rollout", "theirs", "10"], &["rollback", "theirs"]] {
        let said = run(at(&server, words).arg("--artifact").arg(&file));
        assert_eq!((&*said.stderr, said.code), (warning, Some(0)), "{words:?}");
    }
    assert!(server.cli(&["GET", "ff:theirs"]).contains("\"enabled\":true"));
    assert_eq!(run(at(&server, &["off", "ours"]).arg("--artifact").arg(&file)).stderr, "");
}
