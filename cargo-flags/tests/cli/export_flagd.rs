//! `export --format flagd`: declarations and documents as flag definitions of flagd, whose rules decide as we do; a real server.

use std::fs;
use std::path::{Path, PathBuf};

use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::made::{artifact, flag};
use crate::support::{Said, at, cargo_flags, run, run_with};

fn made(folder: &Path, flags: &[(&str, Value)]) -> PathBuf {
    let records: Vec<_> = flags.iter().map(|(name, fields)| flag(name, "shop", fields.clone())).collect();
    artifact(folder, "made", &records)
}

fn export(server: &RedisServer, file: &Path) -> Said {
    run(at(server, &["export", "--format", "flagd"]).arg("--artifact").arg(file))
}

/// What open-feature/flagd-schemas' `json/flags.json` and `json/targeting.json` demand of what we write, and nothing beside it.
#[track_caller]
fn assert_is_flagd(definitions: &Value) {
    let variants =
        |value_type: &str| json!({"properties": {"variants": {"additionalProperties": {"type": value_type}}}});
    let types = ["boolean", "number", "string", "object"].map(variants);
    let rule = |operator: &str, arguments: Value| json!({"type": "object", "required": [operator], "properties": {operator: arguments}, "additionalProperties": false});
    let pair = json!({"type": "array", "items": {"$ref": "#/$defs/argument"}, "minItems": 2, "maxItems": 2});
    let arm = json!({
        "type": "array", "minItems": 2, "maxItems": 2,
        "prefixItems": [{"type": "string"}, {"type": "integer", "minimum": 0, "maximum": i32::MAX}],
    });
    let rules = [
        rule("if", json!({"type": "array", "items": {"$ref": "#/$defs/argument"}, "minItems": 3})),
        rule("in", pair.clone()),
        rule("some", pair.clone()),
        rule("==", pair),
        rule("var", json!({"type": ["string", "array"]})),
        rule("fractional", json!({"type": "array", "items": arm, "minItems": 2, "maxItems": 2})),
    ];
    let schema = json!({
        "type": "object", "required": ["$schema", "flags"], "additionalProperties": false,
        "properties": {
            "$schema": {"const": "https://flagd.dev/schema/v0/flags.json"},
            "flags": {"type": "object", "additionalProperties": false, "patternProperties": {"^.{1,}$": {"$ref": "#/$defs/flag"}}},
        },
        "$defs": {
            "flag": {
                "type": "object", "required": ["state", "variants", "defaultVariant"], "additionalProperties": false,
                "properties": {
                    "state": {"const": "ENABLED"},
                    "variants": {"type": "object", "minProperties": 1, "propertyNames": {"minLength": 1}},
                    "defaultVariant": {"type": ["string", "null"]},
                    "targeting": {"$ref": "#/$defs/rule"},
                },
                "anyOf": types,
            },
            "rule": {"oneOf": rules},
            "argument": {"oneOf": [{"$ref": "#/$defs/rule"}, {"type": ["string", "number", "boolean", "null", "array"]}]},
        },
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(definitions).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{definitions:#}");
    for (key, flag) in definitions["flags"].as_object().unwrap() {
        let is_variant = |name: &Value| name.is_null() || flag["variants"].get(name.as_str().unwrap()).is_some();
        assert!(is_variant(&flag["defaultVariant"]), "{key}: {flag:#}");
        for (user, draw) in [("", 0), ("nobody", 0), ("nobody", u64::MAX)] {
            assert!(is_variant(&evaluated(&flag["targeting"], &context(user, &[]), draw)), "{key}: {flag:#}");
        }
    }
}

#[track_caller]
fn definitions(said: &Said) -> Value {
    let definitions = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_is_flagd(&definitions);
    definitions["flags"].clone()
}

fn context(user: &str, groups: &[&str]) -> Value {
    // Who is not known has no targeting key there.
    let mut context = json!({"groups": groups});
    if groups.is_empty() {
        context = json!({});
    }
    if !user.is_empty() {
        context["targetingKey"] = user.into();
    }
    context
}

/// `JSONLogic`, as far as it is written; `draw` is what the hash of `fractional` came to.
fn evaluated(rule: &Value, data: &Value, draw: u64) -> Value {
    let Some((operator, arguments)) = rule.as_object().and_then(|rule| rule.iter().next()) else { return rule.clone() };
    let of = |argument: &Value| evaluated(argument, data, draw);
    match &**operator {
        "var" => match arguments {
            Value::String(name) if name.is_empty() => data.clone(),
            Value::String(name) => data[&**name].clone(),
            with_default => match &data[with_default[0].as_str().unwrap()] {
                Value::Null => with_default[1].clone(),
                found => found.clone(),
            },
        },
        "if" => {
            let arguments = arguments.as_array().unwrap();
            let mut branches = arguments.chunks_exact(2);
            let found = branches.by_ref().find(|branch| of(&branch[0]) == json!(true)).map(|branch| of(&branch[1]));
            found.unwrap_or_else(|| arguments.chunks_exact(2).remainder().first().map_or(Value::Null, of))
        }
        "in" => of(&arguments[1]).as_array().is_some_and(|list| list.contains(&of(&arguments[0]))).into(),
        "some" => {
            let is_one = |item: &Value| evaluated(&arguments[1], item, draw) == json!(true);
            of(&arguments[0]).as_array().is_some_and(|list| list.iter().any(is_one)).into()
        }
        "==" => (of(&arguments[0]) == of(&arguments[1])).into(),
        "fractional" if data.get("targetingKey").is_none() => Value::Null,
        "fractional" => {
            let on = arguments[0][1].as_u64().unwrap();
            arguments[usize::from(draw >= on)][0].clone()
        }
        other => panic!("{other} is not written"),
    }
}

/// What flagd answers; null is the default of whoever asks.
fn answer(flag: &Value, user: &str, groups: &[&str], draw: u64) -> Value {
    let name = match evaluated(&flag["targeting"], &context(user, groups), draw) {
        Value::Null => flag["defaultVariant"].clone(),
        name => name,
    };
    name.as_str().map_or(Value::Null, |name| flag["variants"][name].clone())
}

#[test]
fn without_a_document_flagd_answers_what_is_declared() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(
        folder.path(),
        &[
            ("on", json!({"default": true})),
            ("off", json!({})),
            ("size", json!({"type": "u8", "default": 20, "key": "Page Size"})),
            ("share", json!({"type": "f64", "default": 0.25})),
            ("text", json!({"type": "string", "default": "x"})),
            ("pricing", json!({"type": "enum", "default": "control", "variants": ["control", "variant_a"]})),
            ("made", json!({"default": {"expr": "made()"}})),
            ("made_pricing", json!({"type": "enum", "default": {"expr": "made()"}, "variants": ["control"]})),
        ],
    );
    let said = export(&server, &file);
    let bools = json!({"on": true, "off": false});
    assert_eq!(
        definitions(&said),
        json!({
            "on": {"state": "ENABLED", "variants": bools, "defaultVariant": "on"},
            "off": {"state": "ENABLED", "variants": bools, "defaultVariant": "off"},
            "Page Size": {"state": "ENABLED", "variants": {"default": 20}, "defaultVariant": "default"},
            "share": {"state": "ENABLED", "variants": {"default": 0.25}, "defaultVariant": "default"},
            "text": {"state": "ENABLED", "variants": {"default": "x"}, "defaultVariant": "default"},
            "pricing": {"state": "ENABLED", "variants": {"control": "control", "variant_a": "variant_a"}, "defaultVariant": "control"},
            "made": {"state": "ENABLED", "variants": bools, "defaultVariant": null},
            "made_pricing": {"state": "ENABLED", "variants": {"control": "control"}, "defaultVariant": null},
        })
    );
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
}

#[test]
fn flagd_decides_as_we_do_for_lists_groups_and_whole_percentages() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let types = [
        ("bool", json!({"default": true}), json!(null)),
        ("int", json!({"type": "i64", "default": 1}), json!(2)),
        ("float", json!({"type": "f64", "default": 0.5}), json!(1.5)),
        ("string", json!({"type": "string", "default": "a"}), json!("b")),
        ("enum", json!({"type": "enum", "default": "control", "variants": ["control", "other"]}), json!("other")),
        ("json", json!({"type": "json", "default": {"expr": "Limits::new()"}}), json!({"max": 3})),
        ("same", json!({"type": "u8", "default": 1}), json!(null)),
    ];
    let rules = [
        json!({}),
        json!({"enabled": true}),
        json!({"enabled": false, "allowed_users": ["ada"]}),
        json!({"enabled": true, "rollout_percentage": 0}),
        json!({"enabled": true, "rollout_percentage": 0, "allowed_users": ["ada", "ä", ""]}),
        json!({"enabled": true, "rollout_percentage": 0, "allowed_groups": ["beta"]}),
        json!({"enabled": true, "rollout_percentage": -1, "allowed_users": ["ada"], "allowed_groups": ["beta", "staff"]}),
        json!({"enabled": true, "rollout_percentage": 100.5, "allowed_users": ["ada"]}),
        json!({"enabled": true, "rollout_percentage": 50, "allowed_users": ["ada"], "allowed_groups": ["beta"]}),
    ];
    let askers = [
        ("", &[][..]),
        ("ada", &[]),
        ("ä", &[]),
        ("bob", &["beta"]),
        ("bob", &["bet"]),
        ("", &["x", "staff"]),
        ("bob", &[]),
    ];
    let (mut flags, mut cases, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, fields, value) in &types {
        for (number, rule) in rules.iter().enumerate() {
            let name = format!("{kind}_{number}");
            let mut document = rule.clone();
            document["value"] = value.clone();
            server.cli(&["SET", &format!("ff:{name}"), &document.to_string()]);
            flags.push((name.clone(), fields.clone()));
            // Only the program knows the other default, and flagd has null for it.
            let default = if fields["default"].is_object() { Value::Null } else { fields["default"].clone() };
            for (user, groups) in askers {
                let case = json!({"name": name, "flag": document, "user": user, "groups": groups, "default": default});
                cases.push(case.to_string());
                expected.push((name.clone(), user, groups, *kind == "bool"));
            }
        }
    }
    let flags: Vec<_> = flags.iter().map(|(name, fields)| (&**name, fields.clone())).collect();
    let definitions = definitions(&export(&server, &made(folder.path(), &flags)));
    let decided = run_with(cargo_flags().args(["eval", "--jsonl"]), cases.join("\n").as_bytes()).done();
    assert_eq!(decided.lines().count(), types.len() * rules.len() * askers.len());
    let mut drawn = 0;
    for (decided, (name, user, groups, is_bool)) in decided.lines().zip(expected) {
        let decided: Value = serde_json::from_str(decided).unwrap();
        if decided["reason"] == "SPLIT" {
            // Who is in is drawn anew: nobody or everybody by the draw, and without a key off.
            drawn += 1;
            continue;
        }
        let ours = if is_bool { &decided["enabled"] } else { &decided["value"] };
        for draw in [0, u64::MAX] {
            let theirs = answer(&definitions[&name], user, groups, draw);
            assert_eq!(&theirs, ours, "{name} for {user} of {groups:?}: {:#}", definitions[&name]);
        }
    }
    assert!(drawn > 0);
    let half = &definitions["int_8"];
    let answers = [0, 49, 50, 99].map(|draw| answer(half, "bob", &[], draw));
    assert_eq!(answers, [json!(2), json!(2), json!(1), json!(1)]);
    assert_eq!(answer(half, "", &[], 0), json!(1), "nobody is known");
    let made = &definitions["json_8"];
    assert_eq!([0, 50].map(|draw| answer(made, "bob", &[], draw)), [json!({"max": 3}), Value::Null]);
}

#[test]
fn a_percentage_is_drawn_by_whole_weights_and_the_flags_are_named() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let names = ["half", "eighth", "third", "whole", "asleep"];
    let file = made(folder.path(), &names.map(|name| (name, json!({}))));
    for (name, document) in [
        ("half", r#"{"enabled":true,"rollout_percentage":50}"#),
        ("eighth", r#"{"enabled":true,"rollout_percentage":12.5,"allowed_groups":["beta"]}"#),
        ("third", r#"{"enabled":true,"rollout_percentage":33.333333333333336}"#),
        ("whole", r#"{"enabled":true,"rollout_percentage":100}"#),
        ("asleep", r#"{"enabled":false,"rollout_percentage":10,"allowed_groups":["beta"]}"#),
    ] {
        server.cli(&["SET", &format!("ff:{name}"), document]);
    }
    let said = export(&server, &file);
    let flags = definitions(&said);
    assert_eq!(flags["half"]["targeting"], json!({"fractional": [["on", 50], ["off", 50]]}));
    assert_eq!(
        flags["eighth"]["targeting"],
        json!({"if": [
            {"some": [{"var": "groups"}, {"in": [{"var": ""}, ["beta"]]}]}, "on",
            {"fractional": [["on", 125], ["off", 875]]}
        ]})
    );
    assert_eq!(flags["third"]["targeting"], json!({"fractional": [["on", 333_333_333], ["off", 666_666_667]]}));
    assert!(flags["whole"].get("targeting").is_none() && flags["asleep"].get("targeting").is_none(), "{flags:#}");
    let warnings: Vec<_> = said.stderr.lines().collect();
    assert_eq!(
        warnings,
        [
            "warning: drawn anew: `eighth`, `half`, `third`; flagd hashes otherwise, so as many users are in, but other ones than \
             now, and a read without a targeting key is off",
            "warning: rounded: `third`; whole weights have no room for more than 7 decimals of a percentage",
            "warning: by groups: `eighth`; flagd knows them by a list `groups` in the evaluation context",
            "warning: disabled: `asleep`; off for everybody, and lists and percentages are not written",
        ]
    );
    assert_eq!(said.code, Some(0));
}

#[test]
fn what_flagd_cannot_say_and_what_services_refuse_is_named_and_left_out() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let json_flag = || json!({"type": "json", "default": {"expr": "Limits::new()"}});
    let file = made(
        folder.path(),
        &[
            ("broken", json!({})),
            ("list", json_flag()),
            ("misfit", json!({"type": "u8", "default": 1})),
            ("mixed", json!({"type": "json", "default": 1})),
            ("other_type", json!({})),
            ("unknown", json_flag()),
            ("written", json!({})),
        ],
    );
    for (name, document) in [
        ("broken", r#"{"enabled":"yes"}"#),
        ("list", r#"{"enabled":true,"value":[1]}"#),
        ("misfit", r#"{"enabled":true,"value":300}"#),
        ("mixed", r#"{"enabled":true,"value":{"a":1}}"#),
        ("unknown", r#"{"enabled":true}"#),
    ] {
        server.cli(&["SET", &format!("ff:{name}"), document]);
    }
    server.cli(&["RPUSH", "ff:other_type", "1"]);
    let said = export(&server, &file);
    assert_eq!(definitions(&said).as_object().unwrap().keys().collect::<Vec<_>>(), ["written"]);
    for words in [
        "`broken` is left out: every reader refuses its document: `enabled` must be true or false",
        "`list` is left out: it has a list (declared at shop/src/lib.rs:3:12 (package shop 1.0.0)), and the variants of flagd are all",
        "`misfit` is left out: services refuse its document: the value 300 does not fit `misfit`, which is `u8`",
        "write a document that fits, `cargo flags get misfit` shows this one",
        "`mixed` is left out: it has a number and an object",
        "`other_type` is left out: no document but another type stands at its key",
        "`unknown` is left out: only the program knows its default `Limits::new()`",
        "a document with a value makes a variant, too",
        "error: not all flags were written: `broken`, `list`, `misfit`, `mixed`, `other_type`, `unknown` left out",
    ] {
        assert!(said.stderr.contains(words), "{words}\n{}", said.stderr);
    }
    assert_eq!(said.code, Some(2));
}

#[test]
fn what_is_written_and_may_surprise_is_said() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(
        folder.path(),
        &[
            ("big", json!({"type": "u64", "default": u64::MAX})),
            ("float_spelt", json!({"type": "i64", "default": 1})),
            ("old_word", json!({"type": "enum", "default": "a", "variants": ["a", "b"]})),
            ("theirs", json!({"provider": "launchdarkly"})),
        ],
    );
    server.cli(&["SET", "ff:old_word", r#"{"enabled":true,"value":"c"}"#]);
    server.cli(&["SET", "ff:float_spelt", r#"{"enabled":true,"value":1.5e3}"#]);
    server.cli(&["SET", "ff:of_python", r#"{"enabled":true}"#]);
    let said = export(&server, &file);
    let flags = definitions(&said);
    assert_eq!(flags["big"]["variants"]["default"], json!(u64::MAX));
    assert!(said.stdout.contains("\"value\": 1500\n"), "{}", said.stdout);
    assert_eq!(answer(&flags["old_word"], "u", &[], 0), "c");
    for words in [
        "warning: above 2^53: `big`; flagd reads numbers as 64-bit floats",
        "is none of the variants a, b: did you mean `a` or `b`?; unless it is an alias, services refuse the document",
        "warning: decided elsewhere: `theirs` by launchdarkly; what is written is what their documents or declarations say",
        "note: no flag here declares the documents `of_python`: without a type they are not written",
    ] {
        assert!(said.stderr.contains(words), "{words}\n{}", said.stderr);
    }
    assert_eq!(said.code, Some(0));
}

#[test]
fn a_file_of_documents_or_a_snapshot_gives_what_their_server_gave() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("x", json!({})), ("y", json!({"type": "u8", "default": 1, "key": "Y"}))]);
    server.cli(&["SET", "ff:x", r#"{"name":"x","enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}"#]);
    server.cli(&["SET", "ff:Y", r#"{"name":"Y","enabled":true,"value":7}"#]);
    let expected = export(&server, &file).done();
    for words in [&["export"][..], &["export", "--all"]] {
        let saved = folder.path().join("documents.json");
        fs::write(&saved, run(&mut at(&server, words)).done()).unwrap();
        let mut command = cargo_flags();
        command.args(["export", "--format", "flagd", "--file"]).arg(&saved).arg("--artifact").arg(&file);
        assert_eq!(run(&mut command).done(), expected, "{words:?}");
    }
    for (text, part) in
        [("[]", "is no JSON object of keys and documents"), ("", "is no JSON object of keys and documents")]
    {
        let saved = folder.path().join("wrong.json");
        fs::write(&saved, text).unwrap();
        let mut command = cargo_flags();
        command.args(["export", "--format", "flagd", "--file"]).arg(&saved).arg("--artifact").arg(&file);
        let error = run(&mut command).failed(2);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn without_a_server_or_a_built_file_the_error_says_what_is_missing() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let file = made(folder.path(), &[("x", json!({}))]);
    let flagd = |words: &[&str]| {
        let mut command = cargo_flags();
        command.args(["export", "--format", "flagd"]).args(words);
        command
    };
    let error = run(flagd(&[]).arg("--artifact").arg(&file)).failed(2);
    assert!(error.contains("no server is named") && error.contains("--file FILE"), "{error}");
    let error = run(flagd(&["--redis", "redis://127.0.0.1:1"]).arg("--artifact").arg(&file)).failed(2);
    assert!(error.contains("127.0.0.1:1"), "{error}");
    let error = run(flagd(&["--file", "/nowhere"]).arg("--artifact").arg(&file)).failed(2);
    assert!(error.contains("/nowhere cannot be read"), "{error}");
    // No verb that talks to Redis builds anything: the files of the last build are read.
    let url = server.url();
    let built = run(&mut fixture().command("shop", &["export", "--format", "flagd", "--redis", &url]));
    assert_eq!(definitions(&built)["Page Size"]["variants"], json!({"default": 20}));
    let error =
        run(&mut fixture().command("shop", &["export", "--format", "flagd", "--redis", &url, "-F", "x"])).failed(2);
    assert!(error.contains("options for building would be ignored"), "{error}");
}
