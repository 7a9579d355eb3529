//! `get`, `set`, `on`, `off` and `rollout` against a real Redis, with the Python reader beside it.

use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::fixture::{fixture, write_workspace};
use crate::stubborn;
use crate::support::{Said, at, cargo_flags, checked, python, run};

fn document(server: &RedisServer, key: &str) -> String {
    server.cli(&["GET", key])
}

/// All flags as the Python services load them.
#[track_caller]
fn python_loads(server: &RedisServer) -> Value {
    run(python("reader.py").args([&server.port().to_string(), "ff:"])).json()
}

#[test]
fn python_loads_what_every_verb_wrote() {
    let server = RedisServer::start();
    for words in [
        &["on", "new_checkout"][..],
        &["rollout", "new_checkout", "33.333"],
        &["off", "new_checkout"],
        &["set", "pricing", "\"variant_b\""],
        &["on", "pricing"],
        &["rollout", "page_size", "12.5%"],
        &["set", "page_size", "1e1"],
        &["on", "page_size"],
    ] {
        checked(&server, words).done();
        python_loads(&server);
    }
    assert_eq!(
        python_loads(&server),
        json!({
            "new_checkout": {"name": "new_checkout", "enabled": false, "rollout_percentage": 33.333, "allowed_users": [], "allowed_groups": [], "value": null},
            "pricing": {"name": "pricing", "enabled": true, "rollout_percentage": 100, "allowed_users": [], "allowed_groups": [], "value": "variant_b"},
            "Page Size": {"name": "Page Size", "enabled": true, "rollout_percentage": 12.5, "allowed_users": [], "allowed_groups": [], "value": 10.0},
        }),
        "and a flag with a key is written under its key"
    );
    let whole = r#"{"enabled":true,"rollout_percentage":50.0,"allowed_users":["u1","ü"],"allowed_groups":["beta"]}"#;
    checked(&server, &["set", "new_checkout", "--document", whole]).done();
    assert_eq!(
        document(&server, "ff:new_checkout"),
        r#"{"name":"new_checkout","enabled":true,"rollout_percentage":50.0,"allowed_users":["u1","ü"],"allowed_groups":["beta"],"value":null}"#
    );
    assert_eq!(python_loads(&server)["new_checkout"]["allowed_users"], json!(["u1", "ü"]));
}

#[test]
fn the_answer_says_what_is_there_now() {
    let server = RedisServer::start();
    let answer = checked(&server, &["rollout", "new_checkout", "10", "--format", "json"]).json();
    assert_eq!((&answer["name"], &answer["key"]), (&json!("new_checkout"), &json!("ff:new_checkout")));
    assert_eq!(answer["verified"], json!(true));
    assert_eq!(answer["document"], serde_json::from_str::<Value>(&document(&server, "ff:new_checkout")).unwrap());
    assert!(answer["at"].as_str().unwrap().ends_with('Z'), "{answer}");
    assert_eq!((&answer["replicas_known"], &answer["replicas_acknowledged"]), (&json!(0), &json!(0)));
    let table = checked(&server, &["on", "new_checkout"]).done();
    for line in ["enabled             true", "rollout percentage  10", "replicas            none"] {
        assert!(table.lines().any(|found| found == line), "{line}: {table}");
    }
    let markdown = checked(&server, &["off", "new_checkout", "--format", "markdown"]).done();
    assert!(markdown.contains("| enabled | false |\n"), "{markdown}");
}

#[test]
fn every_write_names_the_key_and_the_server_and_never_the_password() {
    let server = RedisServer::with_config(&["requirepass s3cret"]);
    let url = format!("{}/2", server.url_as("", "s3cret"));
    for words in
        [&["on", "page_size"][..], &["off", "page_size"], &["rollout", "page_size", "5"], &["set", "page_size", "7"]]
    {
        let mut command = cargo_flags();
        let said = run(command.args(words).args(["--redis", &url]).arg("--artifact").arg(fixture().program()));
        assert!(!format!("{said:?}").contains("s3cret"), "{said:?}");
        let fields: Vec<_> =
            said.done().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let place = format!("server 127.0.0.1:{}, database 2", server.port());
        assert!(fields.contains(&"key ff:Page Size".to_owned()) && fields.contains(&place), "{words:?}: {fields:?}");
    }
}

#[test]
fn rollout_and_set_turn_on_what_has_no_document() {
    let server = RedisServer::start();
    for (words, key, fields) in [
        (&["rollout", "new_checkout", "10"][..], "ff:new_checkout", r#""enabled":true,"rollout_percentage":10,"#),
        (&["set", "page_size", "7"], "ff:Page Size", r#""enabled":true,"rollout_percentage":100,"#),
    ] {
        let said = checked(&server, words);
        assert_eq!(said.stderr, "", "{said:?}");
        said.done();
        assert!(document(&server, key).contains(fields), "{}", document(&server, key));
    }
    checked(&server, &["off", "pricing"]).done();
    assert!(document(&server, "ff:pricing").contains(r#""enabled":false"#));
}

#[test]
fn on_warns_that_nobody_gets_it() {
    let server = RedisServer::start();
    let nobody = "warning: `pricing` is enabled and nobody gets it: its percentage is 0 and its lists are empty (`cargo flags \
                  rollout pricing PCT`)";
    checked(&server, &["rollout", "pricing", "0"]).done();
    let said = checked(&server, &["on", "pricing"]);
    assert!(said.stderr.contains(nobody), "{said:?}");
    said.done();
    let listed = r#"{"name":"pricing","enabled":false,"rollout_percentage":0,"allowed_users":["u1"]}"#;
    server.cli(&["SET", "ff:pricing", listed]);
    let said = checked(&server, &["on", "pricing"]);
    assert!(!said.stderr.contains("nobody"), "{said:?}");
    said.done();
}

#[test]
fn rollout_and_set_warn_that_a_disabled_document_stays_off() {
    let server = RedisServer::start();
    checked(&server, &["off", "pricing"]).done();
    for words in [&["rollout", "pricing", "10"][..], &["set", "pricing", "\"variant_a\""]] {
        let said = checked(&server, words);
        assert!(
            said.stderr.contains(
                "warning: `pricing` stays off for everybody: its document is disabled (`cargo flags on pricing`)"
            ),
            "{said:?}"
        );
        said.done();
    }
    assert!(document(&server, "ff:pricing").contains(r#""enabled":false,"rollout_percentage":10,"#));
    checked(&server, &["on", "pricing"]).done();
    assert_eq!(checked(&server, &["set", "pricing", "null"]).stderr, "");
}

#[test]
fn a_write_leaves_an_entry_of_who_and_why() {
    let server = RedisServer::start();
    checked(&server, &["off", "new_checkout"]).done();
    checked(&server, &["on", "new_checkout", "--by", "grace", "--why", "orders are back"]).done();
    let trail = server.cli(&["XRANGE", "ff-audit", "-", "+"]);
    let lines: Vec<_> = trail.lines().collect();
    let field =
        |name: &str| -> Vec<&str> { lines.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1]).collect() };
    assert_eq!(field("by"), ["ada@desk", "grace"]);
    assert_eq!(field("why"), ["", "orders are back"]);
    assert_eq!(field("key"), ["ff:new_checkout", "ff:new_checkout"]);
    assert!(field("via").iter().all(|via| *via == concat!("cargo-flags ", env!("CARGO_PKG_VERSION"))), "{trail}");
    assert_eq!(python_loads(&server).as_object().unwrap().len(), 1, "the trail is no flag");
}

#[test]
fn a_misspelt_name_is_refused_with_the_right_one() {
    let server = RedisServer::start();
    for words in [
        &["on", "new_chekcout"][..],
        &["off", "new_chekcout"],
        &["rollout", "new_chekcout", "0"],
        &["rollout", "new_chekcout", "10"],
        &["set", "new_chekcout", "1"],
        &["get", "new_chekcout"],
    ] {
        let error = checked(&server, words).failed(2);
        assert!(error.contains("no flag `new_chekcout`: did you mean `new_checkout`?"), "{words:?}: {error}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0", "nothing was written");
    let said = checked(&server, &["on", "new_chekcout", "--force"]);
    assert!(said.stderr.contains("warning: ") && said.stderr.contains("did you mean"), "{said:?}");
    assert!(said.done().contains("not verified: the given files do not declare this name"));
    assert!(document(&server, "ff:new_chekcout").contains("\"enabled\":true"));
}

#[test]
fn a_name_that_nothing_can_check_is_only_killed() {
    let server = RedisServer::start();
    for words in [&["on", "x"][..], &["rollout", "x", "1"], &["set", "x", "1"], &["get", "x"]] {
        let error = run(&mut at(&server, words)).failed(2);
        assert!(error.contains("nothing here can check") && error.contains("--artifact"), "{words:?}: {error}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0", "nothing was written");
    let doubt = "not verified: no build, artifact or document knows this name";
    for (words, name) in [(&["off", "x"][..], "x"), (&["rollout", "y", "0"], "y")] {
        let said = run(&mut at(&server, words));
        assert!(said.stdout.lines().any(|line| line.starts_with("name ") && line.ends_with(doubt)), "{said:?}");
        assert!(
            said.stderr.contains(&format!(
                "warning: there was no document of `{name}`, and nothing here can check the name: if it is misspelt, the \
                 flag that was meant is as it was; going ahead"
            )),
            "{said:?}"
        );
        said.done();
    }
    assert!(document(&server, "ff:x").contains("\"enabled\":false"));
    assert!(document(&server, "ff:y").contains("\"rollout_percentage\":0,"));
    assert!(run(&mut at(&server, &["on", "z", "--force"])).done().contains(doubt));
    assert_eq!(run(&mut at(&server, &["off", "w", "--format", "json"])).json()["verified"], json!(false));
    // From now on the documents show that the names are right.
    assert!(!run(&mut at(&server, &["on", "x"])).done().contains("not verified"));
    run(&mut at(&server, &["set", "y", "[1]"])).done();
    assert_eq!(python_loads(&server)["y"]["value"], json!([1]));
}

#[test]
fn names_are_checked_against_what_is_built_and_nothing_is_built_for_it() {
    let server = RedisServer::start();
    let here = |words: &[&str]| {
        let mut command = fixture().command("shop", words);
        run(command.args(["--redis", &server.url()]))
    };
    here(&["on", "new_checkout"]).done();
    for words in [&["on", "new_chekcout"][..], &["off", "new_chekcout"]] {
        let error = here(words).failed(2);
        assert!(error.contains("did you mean `new_checkout`?"), "{error}");
    }
    here(&["rollout", "page_size", "5"]).done();
    assert!(document(&server, "ff:Page Size").contains("\"name\":\"Page Size\""));

    let fresh = tempfile::tempdir().unwrap();
    write_workspace(fresh.path());
    let error = run(at(&server, &["on", "pricing"]).current_dir(fresh.path().join("shop"))).failed(2);
    assert!(error.contains("nothing here can check"), "{error}");
    assert!(!fresh.path().join("target").exists(), "something was built");
}

#[test]
fn a_declared_key_goes_before_a_document_of_the_name() {
    let server = RedisServer::start();
    let stray = r#"{"name":"page_size","enabled":true}"#;
    server.cli(&["SET", "ff:page_size", stray]);
    let here = |words: &[&str]| {
        let mut command = fixture().command("shop", words);
        run(command.args(["--redis", &server.url()])).done()
    };
    for (words, written) in [
        (&["on", "page_size"][..], r#""enabled":true"#),
        (&["rollout", "page_size", "5"], r#""rollout_percentage":5,"#),
        (&["set", "page_size", "7"], r#""value":7"#),
        (&["off", "page_size"], r#""enabled":false"#),
    ] {
        assert!(here(words).contains("ff:Page Size"), "{words:?}");
        assert!(document(&server, "ff:Page Size").contains(written), "{words:?}");
        assert_eq!(document(&server, "ff:page_size"), stray, "{words:?}");
    }
    assert!(here(&["get", "page_size"]).contains("ff:Page Size"));
    // Where nothing is built, a document of the name is all that anybody knows.
    run(&mut at(&server, &["off", "page_size"])).done();
    assert!(document(&server, "ff:page_size").contains(r#""enabled":false"#));
}

#[test]
fn a_value_that_does_not_fit_is_refused() {
    let server = RedisServer::start();
    for (name, value, words) in [
        (
            "pricing",
            "\"variant_c\"",
            "is none of the variants control, variant_a, variant_b: did you mean `variant_a` or `variant_b`? \
             (if it is an alias, --force writes it)",
        ),
        ("pricing", "1", "is not a string"),
        ("page_size", "256", "is not a whole number from 0 to 255"),
        ("page_size", "-1", "is not a whole number from 0 to 255"),
        ("page_size", "1.5", "is not a whole number from 0 to 255"),
    ] {
        let error = checked(&server, &["set", name, value]).failed(2);
        assert!(error.contains(words), "{name} {value}: {error}");
    }
    let error = checked(&server, &["set", "pricing", "--document", r#"{"value":"variant_c"}"#]).failed(2);
    assert!(error.contains("is none of the variants"), "{error}");
    let another = r#"{"name":"new_checkout","value":"variant_a"}"#;
    let error = checked(&server, &["set", "pricing", "--document", another]).failed(2);
    assert!(error.contains("the given document is that of `new_checkout`, not of `pricing`"), "{error}");
    let error = checked(&server, &["set", "new_checkout", "false"]).failed(2);
    assert!(error.contains("`cargo flags on` and `off` switch it (--force"), "a new document would be on: {error}");
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    for (name, value) in
        [("pricing", "\"variant_a\""), ("pricing", "null"), ("page_size", "2.5e1"), ("page_size", "20.0")]
    {
        checked(&server, &["set", name, value]).done();
    }
    assert!(document(&server, "ff:Page Size").contains("\"value\":20.0}"), "the digits are kept");
    checked(&server, &["set", "page_size", "256", "--force"]).done();
    for name in ["page_size", "Page Size"] {
        let own = format!(r#"{{"name":"{name}","value":9}}"#);
        checked(&server, &["set", "page_size", "--document", &own]).done();
    }
    checked(&server, &["set", "pricing", "--document", another, "--force"]).done();
    assert!(document(&server, "ff:pricing").contains("\"name\":\"pricing\""));
    let said = checked(&server, &["set", "pricing", "\"an alias\"", "--force"]);
    assert!(said.stderr.contains("is none of the variants") && !said.stderr.contains("does not fit"), "{said:?}");
    said.done();
    checked(&server, &["off", "new_checkout"]).done();
    let said = checked(&server, &["set", "new_checkout", "true"]);
    assert!(said.stderr.contains("`new_checkout` is a bool, whose value has no effect"), "{said:?}");
    said.done();
}

#[test]
fn what_cannot_be_kept_is_not_rewritten_without_force() {
    let server = RedisServer::start();
    for (text, words) in [
        (r#"{"name":"x","enabled":true,"rules":[1],"note":"n"}"#, "would drop: rules, note"),
        (r#"{"enabled":"true"}"#, "`enabled` must be true or false"),
        ("nonsense", "cannot be read"),
    ] {
        server.cli(&["SET", "ff:x", text]);
        let error = run(&mut at(&server, &["off", "x"])).failed(2);
        assert!(error.contains(words) && error.contains("--force"), "{text}: {error}");
        assert!(error.starts_with("error: nothing was written: ") && error.lines().count() == 1, "{text}: {error}");
        assert_eq!(document(&server, "ff:x"), text, "nothing was written");
        run(&mut at(&server, &["off", "x", "--force"])).done();
        assert_eq!(python_loads(&server)["x"]["enabled"], json!(false));
    }
}

#[test]
fn get_shows_the_document_or_why_it_is_refused() {
    let server = RedisServer::start();
    let get = |words: &[&str]| checked(&server, &[&["get", "new_checkout"], words].concat());
    let none = get(&["--format", "json"]).json();
    assert_eq!(
        none,
        json!({"name": "new_checkout", "key": "ff:new_checkout", "document": null, "refused": null, "text": null})
    );
    assert!(get(&[]).done().contains("none: the flag has its declared default"));

    let text = "{\"enabled\":true,\n\"rollout_percentage\":1.50,\"extra\":1}";
    server.cli(&["SET", "ff:new_checkout", text]);
    let said = get(&["--format", "json"]);
    let json = said.stdout.clone();
    assert_eq!(said.json()["text"], json!(text), "to the letter");
    assert!(json.contains(r#""document":{"enabled":true, "rollout_percentage":1.50,"extra":1}"#), "{json}");
    let table = get(&[]).done();
    assert!(table.contains("rollout percentage  1.50\n") && table.contains("unknown fields      extra\n"), "{table}");

    server.cli(&["SET", "ff:new_checkout", r#"{"enabled":1}"#]);
    let said = get(&["--format", "json"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("every reader refuses the document of `new_checkout`: `enabled` must be"), "{said:?}");
    let refused: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&refused["text"], &refused["document"]), (&json!(r#"{"enabled":1}"#), &json!(null)));

    server.cli(&["DEL", "ff:new_checkout"]);
    server.cli(&["LPUSH", "ff:new_checkout", "1"]);
    assert!(get(&[]).failed(2).contains("another type than a string"));
}

#[test]
fn the_server_comes_from_options_or_from_the_environment() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:x", r#"{"name":"x","enabled":true}"#]);
    server.cli(&["SET", "shop:x", r#"{"name":"x","enabled":false}"#]);
    let url = server.url();
    let get = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = cargo_flags();
        run(command.args(["get", "x", "--format", "json"]).args(words).envs(variables.iter().copied()))
    };
    let is_on = |said: Said| said.json()["document"]["enabled"] == json!(true);
    assert!(is_on(get(&["--redis", &url], &[])));
    assert!(is_on(get(&[], &[("FLAGS_SOURCE", &url)])));
    assert!(is_on(get(&[], &[("REDIS_URL", &url)])));
    assert!(is_on(get(&[], &[("FLAGS_SOURCE", "file:flags.json"), ("REDIS_URL", &url)])), "a file is no server");
    let valkey = ("FLAGS_SOURCE", "valkey://127.0.0.1:1");
    assert!(is_on(get(&[], &[valkey, ("REDIS_URL", &url)])), "nor is what no source of ours takes");
    assert!(is_on(get(&["--redis", &url], &[("FLAGS_SOURCE", "redis://127.0.0.1:1")])), "options come first");
    assert!(!is_on(get(&["--prefix", "shop:"], &[("REDIS_URL", &url)])));
    assert!(!is_on(get(&[], &[("FLAGS_PREFIX", "shop:"), ("REDIS_URL", &url)])));
    let error = get(&[], &[]).failed(2);
    assert!(error.contains("no server is named: give --redis URL"), "{error}");
    let upper = url.replace("redis:", "REDIS:");
    assert!(is_on(get(&["--redis", &upper], &[])), "schemes have no case");
    assert!(is_on(get(&[], &[("FLAGS_SOURCE", &upper)])));
    assert!(is_on(get(&[], &[("REDIS_URL", &upper)])));
}

#[test]
fn a_source_that_is_no_redis_is_told_from_one_that_is_not_set() {
    for (source, words) in [
        ("127.0.0.1:7399", "`127.0.0.1:7399` is no URL; if it is the server, write `redis://127.0.0.1:7399`"),
        ("redishost", "if it is the server, write `redis://redishost`"),
        ("valkey://:s3cret@127.0.0.1", "write `redis://host:6379` or `unix:/path/to/socket`"),
        ("ada:s3cret@127.0.0.1:7399", "write `redis://host:6379` or `unix:/path/to/socket`"),
        ("memory", "REDIS_URL is not set: give --redis URL"),
        ("file:flags.json", "REDIS_URL is not set: give --redis URL"),
    ] {
        let error = run(cargo_flags().args(["get", "x"]).env("FLAGS_SOURCE", source)).failed(2);
        assert!(error.contains("FLAGS_SOURCE is set but names no Redis") && error.contains(words), "{source}: {error}");
        assert!(!error.contains("no server is named") && !error.contains("s3cret"), "{source}: {error}");
    }
}

#[test]
fn connection_errors_are_exit_code_2_and_never_show_the_password() {
    let server = RedisServer::with_config(&["requirepass right"]);
    for (url, words) in [
        ("redis://:s3cret@127.0.0.1:1", "error: redis at 127.0.0.1:1 cannot be used: cannot connect: "),
        ("rediss://:s3cret@127.0.0.1?cert=/nowhere", "only one of `cert=` and `key=`"),
        ("http://:s3cret@127.0.0.1", "known scheme"),
        (&server.url_as("default", "s3cret"), " cannot be used: the server refuses the login of user `default`"),
    ] {
        for verb in [&["off", "x"][..], &["get", "x"]] {
            let said = run(cargo_flags().args(verb).args(["--redis", url]));
            assert!(!format!("{said:?}").contains("s3cret"), "{said:?}");
            let error = said.failed(2);
            assert!(error.contains(words), "{url}: {error}");
            assert!(error.matches("redis at ").count() <= 1, "it stutters: {error}");
        }
    }
    run(cargo_flags().args(["off", "x", "--redis", &server.url_as("default", "right")])).done();
}

#[test]
fn a_lost_race_is_exit_code_1() {
    let url = stubborn::start();
    let error = run(cargo_flags().args(["off", "x", "--redis", &url])).failed(1);
    assert!(error.contains("somebody else changed `x` meanwhile"), "{error}");
}

#[test]
fn on_warns_where_a_flag_that_is_no_bool_has_no_value() {
    let server = RedisServer::start();
    let said = checked(&server, &["on", "pricing"]);
    assert!(said.stderr.contains("its document has no value: everybody still gets the declared default"), "{said:?}");
    said.done();
    checked(&server, &["set", "pricing", "\"variant_b\""]).done();
    assert_eq!(checked(&server, &["on", "pricing"]).stderr, "");
    assert_eq!(checked(&server, &["on", "new_checkout"]).stderr, "");
}
