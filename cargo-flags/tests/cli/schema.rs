//! The JSON of every verb against docs/cargo-flags.schema.json, word by word: nothing missing, nothing that is not described.

use std::fs;
use std::time::Duration;

use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::fleet::fleet;
use crate::made::{artifact, flag, site};
use crate::support::{at, cargo_flags, repository, run, run_with};

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(repository("docs/cargo-flags.schema.json")).unwrap()).unwrap()
}

/// Lets no object have a field that its description does not name.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            object.values_mut().for_each(closed);
        }
        Value::Array(values) => values.iter_mut().for_each(closed),
        _ => {}
    }
}

/// Compares an answer with the description of its verb.
#[track_caller]
pub(crate) fn assert_described(verb: &str, answer: &Value) {
    let mut schema = schema();
    assert!(schema["$defs"][verb].is_object(), "`{verb}` has no definition");
    closed(&mut schema);
    schema["$ref"] = format!("#/$defs/{verb}").into();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{verb}: {errors:#?}\n{answer:#}");
}

#[test]
fn a_field_too_many_or_too_few_is_noticed() {
    let answer = json!({"as_of": "2026-11-01", "expired": []});
    assert_described("check", &answer);
    for wrong in [
        json!({"as_of": "2026-11-01"}),
        json!({"as_of": "2026-11-01", "expired": [], "more": 1}),
        json!({"as_of": "today", "expired": []}),
    ] {
        assert!(std::panic::catch_unwind(|| assert_described("check", &wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn verbs_that_need_no_server_write_what_is_described() {
    let json = |words: &[&str]| run(&mut fixture().command("shop", &[words, &["--format", "json"]].concat())).json();
    assert_described("list", &json(&["list"]));
    assert_described("refs", &json(&["refs", "new_checkout"]));
    assert_described("check", &json(&["check", "--as-of", "2100-01-01"]));
    assert_described("audit", &json(&["audit", "--skip", "old", "--by", "owner", "--as-of", "2099-01-15"]));
    let dumped = run(&mut fixture().command("shop", &["dump"])).done();
    dumped.lines().for_each(|line| assert_described("dump", &serde_json::from_str(line).unwrap()));
    assert_described("new", &json(&["new", "described", "--dry-run"]));
    let cases = b"{\"name\":\"x\",\"flag\":{\"enabled\":true}}\n{}\n";
    let decided = run_with(cargo_flags().args(["eval", "--jsonl"]), cases).done();
    assert_eq!(decided.lines().count(), 2);
    decided.lines().for_each(|line| assert_described("eval", &serde_json::from_str(line).unwrap()));
}

#[test]
fn verbs_that_ask_a_server_write_what_is_described() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let _fleet = fleet(&server, &["checkout"]);
    let json = |words: &[&str]| run(&mut at(&server, &[words, &["--format", "json"]].concat())).json();
    assert_described("written", &json(&["rollout", "fleet_kill", "10", "--wait", "10s"]));
    for words in [
        &["off", "fleet_kill"][..],
        &["on", "fleet_kill"],
        &["allow", "fleet_kill", "--user", "u"],
        &["deny", "fleet_kill", "--user", "u"],
        &["rollback", "fleet_kill"],
        &["set", "fleet_size", "9"],
    ] {
        assert_described("written", &json(words));
    }
    assert_described("get", &json(&["get", "fleet_size"]));
    assert_described("explain", &json(&["explain", "fleet_kill", "--user", "u", "--group", "g"]));
    assert_described("fleet", &json(&["fleet"]));
    assert_described("fleet_name", &json(&["fleet", "fleet_kill"]));
    server.cli(&["SET", "ff:fleet_kill", r#"{"enabled":false,"odd":1}"#]);
    assert_described("history", &json(&["history"]));
    let file = folder.path().join("documents.json");
    fs::write(&file, r#"{"fleet_kill":{"enabled":true}}"#).unwrap();
    assert_described("import", &json(&["import", file.to_str().unwrap()]));
    assert_described("written", &json(&["delete", "fleet_size"]));

    // Each kind of finding that a server tells, and a snapshot with all of its parts.
    server.cli(&["SET", "ff:fleet_size", r#"{"name":"fleet_size","enabled":true}"#]);
    assert_described("audit", &json(&["audit", "--fleet", "--skip", "old", "--rolled-out", "0d"]));
    let snapshot = || run(&mut at(&server, &["export", "--all"])).json();
    let is_whole = |snapshot: &Value| {
        ["trail", "since", "builds", "processes"]
            .iter()
            .all(|part| snapshot[part].as_array().is_some_and(|part| !part.is_empty()))
    };
    assert!(eventually(Duration::from_secs(20), || is_whole(&snapshot())), "{:#}", snapshot());
    assert_described("snapshot", &snapshot());
    let records = [flag("on", "shop", json!({})), site("on", "shop", 1)];
    let made = artifact(folder.path(), "made", &records);
    server.cli(&["SET", "ff:on", r#"{"name":"on","enabled":true}"#]);
    let audit = run(at(&server, &["audit", "--format", "json"]).arg("--artifact").arg(&made)).json();
    assert!(audit["findings"].to_string().contains("\"since\""), "{audit}");
    assert_described("audit", &audit);
}
