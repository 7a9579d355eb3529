//! `explain`: why, and what would change it; each change that is printed is made, and changes what it says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::made::{artifact, flag};
use crate::support::{at, cargo_flags, run};

/// A server and an artifact with a bool, a number, and one with a key.
struct Shop {
    server: RedisServer,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = [
            flag("new_cart", "shop", json!({})),
            flag("page_size", "shop", json!({"type": "u8", "default": 20, "key": "Page Size"})),
            flag("made", "shop", json!({"type": "json", "default": {"expr": "make()"}})),
        ];
        let file = artifact(folder.path(), "shop", &records);
        Self { server: RedisServer::start(), file, _folder: folder }
    }

    fn set(&self, key: &str, document: &str) {
        self.server.cli(&["SET", &format!("ff:{key}"), document]);
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = at(&self.server, words);
        command.arg("--artifact").arg(&self.file);
        command
    }

    fn explain(&self, words: &[&str]) -> Value {
        run(&mut self.command(&[&["explain"], words, &["--format", "json"]].concat())).json()
    }
}

fn steps(explained: &Value) -> Vec<&str> {
    explained["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect()
}

#[test]
fn every_step_is_told_and_the_answer_is_that_of_the_runtime() {
    let shop = Shop::open();
    shop.set("new_cart", r#"{"name":"new_cart","enabled":true,"rollout_percentage":25,"allowed_users":["ada"],"allowed_groups":["beta"]}"#);
    let ada = shop.explain(&["new_cart", "--user", "ada"]);
    assert_eq!(
        (&ada["enabled"], &ada["value"], &ada["reason"]),
        (&json!(true), &json!(true), &json!("TARGETING_MATCH"))
    );
    assert_eq!(steps(&ada), ["enabled", "user `ada` is in allowed_users (1)"]);
    let bob = shop.explain(&["new_cart", "--user", "bob", "--group", "gamma", "beta"]);
    assert_eq!(*steps(&bob).last().unwrap(), "group `beta` is in allowed_groups (1)");
    let bucket = flags_runtime::bucket("new_cart", "eve");
    let eve = shop.explain(&["new_cart", "--user", "eve"]);
    assert_eq!((&eve["enabled"], &eve["reason"]), (&json!(bucket < 25.0), &json!("SPLIT")));
    assert!(steps(&eve)[3].contains(&format!("bucket of `new_cart:eve` is {bucket}")), "{eve}");
    let nobody = run(&mut shop.command(&["explain", "new_cart", "--format", "json"]));
    assert!(nobody.stderr.contains("reads without a targeting key get this"), "{nobody:?}");
    assert_eq!(nobody.json()["error_code"], "TARGETING_KEY_MISSING");
    let said = run(&mut shop.command(&["explain", "new_cart", "--user", "ada", "--attr", "plan=pro", "country=se"]));
    assert!(said.stderr.contains("attributes play no part"), "{said:?}");
    let table = said.done();
    assert!(
        table.starts_with(
            "STEP  WHAT\n1     enabled\n2     user `ada` is in allowed_users (1)\n\nWHAT WOULD CHANGE IT "
        ),
        "{table}"
    );
    assert!(table.ends_with("\nnew_cart is true for the user ada (TARGETING_MATCH)\n"), "{table}");
}

#[test]
fn values_are_those_of_the_document_or_the_declared_default() {
    let shop = Shop::open();
    assert_eq!(shop.explain(&["page_size"])["value"], 20, "no document");
    assert_eq!(shop.explain(&["page_size"])["reason"], "DEFAULT");
    shop.set("Page Size", r#"{"name":"Page Size","enabled":true,"value":50}"#);
    let on = shop.explain(&["page_size", "--user", "u"]);
    assert_eq!((&on["value"], &on["key"]), (&json!(50), &json!("Page Size")));
    shop.set("Page Size", r#"{"name":"Page Size","enabled":false,"value":50}"#);
    assert_eq!(shop.explain(&["page_size", "--user", "u"])["value"], 20);
    shop.set("Page Size", r#"{"name":"Page Size","enabled":true}"#);
    let on = shop.explain(&["page_size", "--user", "u"]);
    assert_eq!(on["value"], 20);
    assert!(
        on["changes"].as_array().unwrap().iter().any(|change| change["command"] == "cargo flags set page_size VALUE"),
        "{on}"
    );
    // Only the program knows what its expression gives.
    assert_eq!(shop.explain(&["made"])["value"], Value::Null);
    // A bool's value is not read.
    shop.set("new_cart", r#"{"name":"new_cart","enabled":true,"value":false}"#);
    assert_eq!(shop.explain(&["new_cart", "--user", "u"])["value"], true);
}

#[test]
fn what_would_change_it_does() {
    let shop = Shop::open();
    let documents = [
        None,
        Some(r#"{"name":"new_cart","enabled":false}"#),
        Some(r#"{"name":"new_cart","enabled":false,"rollout_percentage":0,"allowed_users":["it's me"]}"#),
        Some(r#"{"name":"new_cart","enabled":true}"#),
        Some(r#"{"name":"new_cart","enabled":true,"rollout_percentage":0}"#),
        Some(r#"{"name":"new_cart","enabled":true,"rollout_percentage":30}"#),
        Some(r#"{"name":"new_cart","enabled":true,"rollout_percentage":80}"#),
        Some(r#"{"name":"new_cart","enabled":true,"rollout_percentage":0,"allowed_users":["it's me"]}"#),
        Some(r#"{"name":"new_cart","enabled":true,"rollout_percentage":0,"allowed_groups":["beta"]}"#),
    ];
    let mut tried = 0;
    for document in documents {
        for user in ["it's me", "user-1", "user-7"] {
            let reset = || match document {
                Some(document) => shop.set("new_cart", document),
                None => drop(shop.server.cli(&["DEL", "ff:new_cart"])),
            };
            reset();
            let who = ["new_cart", "--user", user, "--group", "beta"];
            let explained = shop.explain(&who);
            let changes = explained["changes"].as_array().unwrap();
            assert!(!changes.is_empty(), "{explained}");
            for change in changes {
                reset();
                let (command, then) = (change["command"].as_str().unwrap(), change["then"].as_str().unwrap());
                let words = command.strip_prefix("cargo flags ").unwrap();
                let mut shell = Command::new("sh");
                let options = format!("--redis {} --artifact {}", shop.server.url(), shop.file.display());
                shell.args(["-c", &format!("{} {words} {options}", env!("CARGO_BIN_EXE_cargo-flags"))]);
                run(&mut shell).done();
                let now = shop.explain(&who);
                let is_on = then.starts_with("on");
                assert_eq!(now["enabled"], is_on, "{document:?}, {user}: {command} -> {then}: {now}");
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn the_last_change_is_told_if_it_is_the_one_that_counts() {
    let shop = Shop::open();
    run(&mut shop.command(&["rollout", "new_cart", "10", "--by", "ada", "--why", "a first try"])).done();
    let explained = shop.explain(&["new_cart", "--user", "u"]);
    let last = &explained["last_change"];
    assert_eq!((&last["by"], &last["why"]), (&json!("ada"), &json!("a first try")));
    let table = run(&mut shop.command(&["explain", "new_cart", "--user", "u"])).done();
    assert!(table.lines().last().unwrap().contains(" by ada: a first try (created: on, rollout 10 %)"), "{table}");
    shop.set("new_cart", r#"{"name":"new_cart","enabled":true}"#);
    assert_eq!(shop.explain(&["new_cart", "--user", "u"])["last_change"], Value::Null, "somebody wrote past the trail");
}

#[test]
fn what_services_refuse_is_an_error_and_so_is_an_unknown_name() {
    let shop = Shop::open();
    shop.set("new_cart", "{");
    let error = run(&mut shop.command(&["explain", "new_cart"])).failed(2);
    assert!(
        error.contains("every reader refuses the document of `new_cart`, so its services stay at the last good one"),
        "{error}"
    );
    shop.set("Page Size", r#"{"name":"Page Size","enabled":true,"value":"big"}"#);
    let error = run(&mut shop.command(&["explain", "page_size"])).failed(2);
    assert!(
        error.contains("services refuse the document of `page_size` and stay at the last good one: the value \"big\""),
        "{error}"
    );
    let error = run(&mut shop.command(&["explain", "new_crat"])).failed(2);
    assert!(error.contains("did you mean `new_cart`?"), "{error}");
}

#[test]
fn a_file_is_as_good_as_a_server() {
    let shop = Shop::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.json");
    let explain = |name: &str| {
        let mut command = cargo_flags();
        command.args(["explain", name, "--user", "u", "--format", "json", "--file"]).arg(&file);
        run(command.arg("--artifact").arg(&shop.file))
    };
    fs::write(&file, r#"{"new_cart":{"enabled":true},"Page Size":{"enabled":true,"value":3}}"#).unwrap();
    assert_eq!(explain("new_cart").json()["value"], true);
    assert_eq!(explain("page_size").json()["value"], 3);
    assert_eq!(explain("made").json()["reason"], "DEFAULT");
    let error = explain("new_crat").failed(2);
    assert!(
        error.contains("has no document of `new_crat`, and no built file here declares it: did you mean `new_cart`?"),
        "{error}"
    );
    fs::write(&file, "[1]").unwrap();
    assert!(explain("new_cart").failed(2).contains("is no JSON object of keys and documents"));
    fs::remove_file(&file).unwrap();
    assert!(explain("new_cart").failed(2).contains("flags.json cannot be read"));
}
