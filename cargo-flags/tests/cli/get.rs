//! `get`: what it says of documents that services take differently, or not at all.

use std::process::Command;

use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::support::{Said, cargo_flags, python, run};

fn at(server: &RedisServer, words: &[&str]) -> Command {
    let mut command = cargo_flags();
    command.args(words).args(["--redis", &server.url()]);
    command
}

/// With the program of the fixture to know flags from.
fn get(server: &RedisServer, name: &str, words: &[&str]) -> Said {
    run(at(server, &["get", name]).args(words).arg("--artifact").arg(fixture().program()))
}

#[test]
fn get_never_offers_an_option_that_it_does_not_have() {
    let server = RedisServer::start();
    let here = run(fixture().command("shop", &["get", "new_chekcout"]).args(["--redis", &server.url()]));
    for said in [get(&server, "new_chekcout", &[]), here] {
        let error = said.failed(2);
        assert!(error.contains("did you mean `new_checkout`? (build again if it is new)"), "{error}");
        assert!(!error.contains("--force"), "{error}");
    }
    let error = run(&mut at(&server, &["get", "x"])).failed(2);
    assert!(error.contains("name a built file by --artifact") && !error.contains("--force"), "{error}");
}

#[test]
fn get_shows_why_services_refuse_a_document_for_the_type_of_their_flag() {
    let server = RedisServer::start();
    let text = r#"{"name":"Page Size","enabled":true,"value":256}"#;
    server.cli(&["SET", "ff:Page Size", text]);
    let why = "the value 256 does not fit `page_size`, which is `u8`: it is not a whole number from 0 to 255";
    let here = run(fixture().command("shop", &["get", "page_size"]).args(["--redis", &server.url()]));
    for said in [get(&server, "page_size", &[]), here] {
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stdout.lines().any(|line| line.starts_with("refused ") && line.ends_with(why)), "{said:?}");
        assert!(said.stderr.contains(&format!("services refuse the document of `page_size`: {why}")), "{said:?}");
    }
    let said = get(&server, "page_size", &["--format", "json"]);
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&json["refused"], &json["document"], &json["text"]), (&json!(why), &json!(null), &json!(text)));

    server.cli(&["SET", "ff:Page Size", r#"{"name":"Page Size","enabled":true,"value":25.0}"#]);
    let said = get(&server, "page_size", &[]);
    assert_eq!(said.stderr, "");
    assert!(!said.done().contains("refused"));
    server.cli(&["SET", "ff:new_checkout", r#"{"name":"new_checkout","value":7}"#]);
    assert!(!get(&server, "new_checkout", &[]).done().contains("refused"), "nobody reads the value of a bool");
}

#[test]
fn get_warns_of_a_variant_that_can_only_be_an_alias() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:pricing", r#"{"name":"pricing","value":"variant_c"}"#]);
    let said = get(&server, "pricing", &[]);
    assert!(
        said.stderr.contains("is none of the variants control, variant_a, variant_b")
            && said.stderr.contains("unless it is an alias, services refuse the document"),
        "{said:?}"
    );
    assert!(!said.done().contains("refused"), "records carry no aliases");
    server.cli(&["SET", "ff:pricing", r#"{"name":"pricing","value":1}"#]);
    let said = get(&server, "pricing", &[]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stdout.contains("is not a string"), "{said:?}");
}

#[test]
fn get_warns_of_what_python_services_do_not_take() {
    let server = RedisServer::start();
    let python_loads = || run(python("reader.py").args([&server.port().to_string(), "ff:"])).code == Some(0);
    for (document, warning, loads) in [
        (r#"{"enabled":true}"#, Some("has no `name`: Python services fail on it"), false),
        (r#"{"name":"x","note":1}"#, Some("has fields that no engine knows (note): Python services fail on it"), false),
        (r#"{"name":"y"}"#, Some("is `y` and not `x`: Python services go by it"), true),
        (r#"{"name":null}"#, Some("is null and not `x`: Python services go by it"), true),
        (r#"{"name":"x"}"#, None, true),
    ] {
        server.cli(&["SET", "ff:x", document]);
        let said = run(&mut at(&server, &["get", "x"]));
        assert_eq!(python_loads(), loads, "{document}");
        match warning {
            Some(warning) => assert!(
                said.stderr.starts_with("warning: ")
                    && said.stderr.contains(warning)
                    && said.stderr.lines().count() == 1,
                "{document}: {said:?}"
            ),
            None => assert_eq!(said.stderr, "", "{document}"),
        }
        said.done();
    }
    server.cli(&["SET", "ff:Page Size", r#"{"name":"Page Size"}"#]);
    assert_eq!(get(&server, "page_size", &[]).stderr, "", "the key is the name that services share");
}
