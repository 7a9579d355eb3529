//! `export`, `import` and `watch` against a real Redis.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::support::{Said, at, run, run_with};

fn import(server: &RedisServer, words: &[&str], text: &str) -> Said {
    run_with(at(server, &["import", "-", "--format", "json"]).args(words), text.as_bytes())
}

const WHOLE: &str = r#"{"name":"a","enabled": true,"rollout_percentage":33.333333333333336,"allowed_users":["ü"],"allowed_groups":[],"value":1.50}"#;

#[test]
fn what_is_exported_imports_elsewhere_byte_by_byte() {
    let (one, other) = (RedisServer::start(), RedisServer::start());
    one.cli(&["SET", "ff:a", WHOLE]);
    one.cli(&["SET", "ff:größe \"x\"", r#"{"name":"größe \"x\"","enabled":false,"rollout_percentage":1,"allowed_users":[],"allowed_groups":[],"value":null}"#]);
    one.cli(&["RPUSH", "ff:list", "1"]);
    one.cli(&["SET", "other:b", "1"]);
    let text = run(&mut at(&one, &["export"])).done();
    let said = import(&other, &["--force"], &text).json();
    assert_eq!(
        said[0],
        json!({"name": "a", "changes": true, "what": "created: on, rollout 33.333333333333336 %, +user ü, value 1.50"})
    );
    assert_eq!(run(&mut at(&other, &["export"])).done(), text);
    assert_eq!(other.cli(&["GET", "ff:a"]), WHOLE);
    assert_eq!(other.cli(&["XLEN", "ff-audit"]), "2");
    // Again it changes nothing and records nothing.
    let again = import(&other, &[], &text).json();
    assert!(again.as_array().unwrap().iter().all(|step| step["what"] == "same"), "{again}");
    assert_eq!(other.cli(&["XLEN", "ff-audit"]), "2");
}

#[test]
fn an_import_is_looked_at_as_a_whole_before_anything_is_written() {
    let server = RedisServer::start();
    for (text, part) in [
        (format!(r#"{{"a":{WHOLE},"b":{{"enabled":"yes"}}}}"#), "the document of `b` would be refused"),
        (format!(r#"{{"a":{WHOLE},"b":{{"enbled":true}}}}"#), "fields that nobody knows: enbled"),
        (format!(r#"{{"a":{WHOLE}"#), "no JSON object of keys and documents"),
        (format!(r#"{{"a":{WHOLE},"":{{}}}}"#), "must not be empty"),
    ] {
        let error = import(&server, &["--force"], &text).failed(2);
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(server.cli(&["DBSIZE"]), "0");
    }
    // A name that nobody knows is most often misspelt.
    let error = import(&server, &[], &format!(r#"{{"a":{WHOLE}}}"#)).failed(2);
    assert!(error.contains("`a`") && error.contains("--force"), "{error}");
    let planned = import(&server, &["--force", "--dry-run"], &format!(r#"{{"a":{WHOLE}}}"#)).json();
    assert_eq!((planned[0]["changes"].as_bool(), &*server.cli(&["DBSIZE"])), (Some(true), "0"));
    // What Python would stumble over is written in six fields.
    import(&server, &["--force"], r#"{"a":{"enabled":true},"b":{"name":"c"}}"#).json();
    let written: Value = serde_json::from_str(&server.cli(&["GET", "ff:b"])).unwrap();
    assert_eq!((&written["name"], written.as_object().unwrap().len()), (&json!("b"), 6));
    import(&server, &["--delete-others"], r#"{"a":{"enabled":true}}"#).json();
    assert_eq!((&*server.cli(&["EXISTS", "ff:a"]), &*server.cli(&["EXISTS", "ff:b"])), ("1", "0"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), r#"{"a":{"enabled":false}}"#).unwrap();
    let table = run(at(&server, &["import"]).arg(file.path())).done();
    assert!(table.contains("off (was on)"), "{table}");
    run(&mut at(&server, &["import", "/nowhere"])).failed(2);
}

#[test]
fn a_refused_document_is_named_and_left_out() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:a", WHOLE]);
    server.cli(&["SET", "ff:broken", "{"]);
    let said = run(&mut at(&server, &["export"]));
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("the document of `broken` is left out"), "{said:?}");
    let exported: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(exported.as_object().unwrap().len(), 1);
}

#[test]
fn what_no_flag_can_be_called_is_named_and_left_out() {
    let (one, other) = (RedisServer::start(), RedisServer::start());
    one.cli(&["SET", "ff:a", WHOLE]);
    one.cli(&["SET", "ff:", WHOLE]);
    let said = run(&mut at(&one, &["export"]));
    assert!(said.code == Some(2) && said.stderr.contains("must not be empty"), "{said:?}");
    import(&other, &["--force"], &said.stdout).json();
    assert_eq!(other.cli(&["GET", "ff:a"]), WHOLE);
}

#[test]
fn an_import_that_breaks_off_says_what_is_done() {
    let server = RedisServer::start();
    server.cli(&["RPUSH", "ff:b", "1"]);
    let said = import(&server, &["--force"], &format!(r#"{{"a":{WHOLE},"b":{{}},"c":{{}}}}"#));
    assert_eq!(said.code, Some(2));
    let listed: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &json!("a")));
    assert!(said.stderr.contains("it broke off at `b`") && said.stderr.contains("another type"), "{said:?}");
    assert_eq!((&*server.cli(&["GET", "ff:a"]), &*server.cli(&["EXISTS", "ff:c"])), (WHOLE, "0"));
}

#[test]
fn watch_ends_quietly_when_nobody_reads_and_accuses_nobody_where_it_may_not_look() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:a", WHOLE]);
    let rules = "ACL SETUSER looker on >pw resetkeys %R~ff:* -@all +hello +ping +get +mget +scan +client|tracking";
    server.cli(&rules.split(' ').collect::<Vec<_>>());
    let url = server.url_as("looker", "pw");
    let mut watching = crate::support::cargo_flags()
        .args(["watch", "--redis", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    let listens = || server.cli(&["CLIENT", "LIST"]).contains("flags=t");
    assert!(eventually(std::time::Duration::from_secs(20), listens), "it does not listen");
    run(&mut at(&server, &["off", "a", "--by", "ada"])).done();
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.trim_end().ends_with("a: off (was on)"), "{line}");
    drop(lines);
    let mut is_on = false;
    let ended = eventually(std::time::Duration::from_secs(20), || {
        is_on = !is_on;
        server.cli(&["SET", "ff:a", if is_on { WHOLE } else { "{}" }]);
        watching.try_wait().unwrap().is_some()
    });
    if !ended {
        watching.kill().unwrap();
    }
    let output = watching.wait_with_output().unwrap();
    assert!(ended && output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn watch_tells_each_change_and_who_made_it_over_a_restart() {
    let mut server = RedisServer::with_config(&["appendonly yes", "appendfsync always"]);
    server.cli(&["SET", "ff:a", WHOLE]);
    let mut watching =
        at(&server, &["watch", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || {
        let told = serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
        crate::schema::assert_described("watch", &told);
        told
    };
    let listens = || server.cli(&["CLIENT", "LIST"]).contains("flags=t");
    assert!(eventually(std::time::Duration::from_secs(20), listens), "it does not listen");
    run(&mut at(&server, &["off", "a", "--by", "ada", "--why", "smoke"])).done();
    let told = next();
    assert_eq!((&told["name"], &told["what"]), (&json!("a"), &json!("off (was on)")));
    assert_eq!((&told["by"], &told["why"]), (&json!("ada"), &json!("smoke")));
    server.cli(&["DEL", "ff:a"]);
    let told = next();
    assert_eq!((&told["what"], &told["by"]), (&json!("deleted"), &Value::Null));
    server.kill();
    server.restart();
    server.cli(&["SET", "ff:b", r#"{"name":"b","enabled":true}"#]);
    assert_eq!(next()["what"], json!("created: on"));
    watching.kill().unwrap();
    watching.wait().unwrap();
}
