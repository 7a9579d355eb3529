//! Flags answered from a real Redis, the whole way through: push, refusal, death of the server, stopping.
//!
//! The source is process-wide, so the tests of this file take turns.

use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AuditNote, NewDocument};
use flags_runtime::{
    EvaluationContext, Event, Flag, FlagValue, Reason, SourceState, builder, feature_flag, flag, status,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[feature_flag(name = "checkout", default = false, expires = "2099-01-01")]
static CHECKOUT: Flag<bool>;
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;

fn take_turns(test: impl FnOnce(RedisServer)) {
    let _turn = Turn::take();
    test(RedisServer::start());
}

#[track_caller]
fn assert_soon(condition: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(10), condition), "not within 10 s: {:?}", status());
}

#[test]
fn a_set_by_redis_cli_flips_a_typed_flag() {
    take_turns(|server| {
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":true,"rollout_percentage":50}"#]);
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        for n in 0..100 {
            let user = format!("u{n}");
            let is_in = flags_runtime::bucket("checkout", &user) < 50.0;
            assert_eq!(flag!(CHECKOUT, &EvaluationContext::new(user)), is_in);
        }
        assert_eq!(guard.status().missing, ["pricing"]);

        server.cli(&["SET", "ff:pricing", r#"{"name":"pricing","enabled":true,"value":"variant_a"}"#]);
        assert_soon(|| flag!(PRICING) == Pricing::VariantA);
        server.cli(&["SET", "ff:pricing", r#"{"name":"pricing","enabled":true,"value":"no_such_variant"}"#]);
        assert_soon(|| !status().refused.is_empty());
        assert_eq!(flag!(PRICING), Pricing::VariantA);
        let refused = &guard.status().refused[0];
        let why = refused.error.to_string();
        assert!(refused.flag == "pricing" && why.contains("\"control\", \"variant_a\""), "{why}");
        server.cli(&["DEL", "ff:pricing"]);
        assert_soon(|| flag!(PRICING, details).reason == Reason::Default);
        server.cli(&["DEL", "ff:checkout"]);
        assert_soon(|| flag!(CHECKOUT, details).reason == Reason::Default);
    });
}

#[test]
fn an_empty_redis_and_a_start_before_redis_answer_declared_defaults() {
    take_turns(|mut server| {
        server.kill();
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        assert!(guard.wait_ready(Duration::from_millis(300)).is_err());
        assert_eq!((flag!(CHECKOUT), flag!(PRICING)), (false, Pricing::Control));
        server.restart();
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":true}"#]);
        assert_soon(|| flag!(CHECKOUT));
    });
}

#[test]
fn the_last_decision_stays_while_redis_is_dead_and_nothing_is_missed_after() {
    take_turns(|mut server| {
        let events = std::sync::Arc::new(Mutex::new(Vec::new()));
        let heard = std::sync::Arc::clone(&events);
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":true}"#]);
        let source = RedisSource::new(&server.url()).unwrap();
        let guard =
            builder().source(source).on_event(move |event| heard.lock().unwrap().push(event.clone())).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        server.kill();
        assert_soon(|| status().source.unwrap().state == SourceState::Lost);
        assert!(flag!(CHECKOUT));
        server.restart();
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":false}"#]);
        assert_soon(|| {
            status().source.unwrap().state == SourceState::Live && flag!(CHECKOUT, details).reason == Reason::Disabled
        });
        let told = |is: fn(&Event) -> bool| events.lock().unwrap().iter().filter(|event| is(event)).count();
        assert_eq!(told(|event| matches!(event, Event::Started { .. })), 1);
        assert!(told(|event| matches!(event, Event::Lost { .. })) >= 1);
        // Told behind the status.
        assert_soon(|| told(|event| matches!(event, Event::Recovered { .. })) >= 1);
    });
}

#[test]
fn neither_a_reader_nor_a_shutdown_waits_for_a_hanging_server() {
    take_turns(|server| {
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":true,"rollout_percentage":50}"#]);
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        server.stop_process();
        let noticing = Instant::now();
        assert_soon(|| {
            let reading = Instant::now();
            for n in 0..1000 {
                let _ = flag!(CHECKOUT, &EvaluationContext::new(n.to_string()));
            }
            // A read that waited for the network would take the reply timeout of a second.
            assert!(reading.elapsed() < Duration::from_millis(900));
            status().source.unwrap().state == SourceState::Lost
        });
        assert!(noticing.elapsed() < Duration::from_secs(5), "{:?}", noticing.elapsed());
        let stopping = Instant::now();
        drop(guard);
        assert!(stopping.elapsed() < Duration::from_secs(3), "{:?}", stopping.elapsed());
        server.continue_process();
    });
}

#[test]
fn another_prefix_is_another_fleet() {
    take_turns(|server| {
        server.cli(&["SET", "ff:checkout", r#"{"name":"checkout","enabled":true}"#]);
        let source = RedisSource::new(&server.url()).unwrap().prefix("staging:").unwrap();
        let guard = builder().source(source).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(!flag!(CHECKOUT));
        server.cli(&["SET", "staging:checkout", r#"{"name":"checkout","enabled":true}"#]);
        assert_soon(|| flag!(CHECKOUT));
    });
}

/// What the Python engine of other services loads from this server.
fn python_reads(server: &RedisServer) -> serde_json::Value {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/reader.py");
    let output = Command::new("python3").args([reader, &server.port().to_string(), "ff:"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The shell blocks of the README's kill card, for the flag of this file.
fn kill_card() -> Vec<String> {
    let text = include_str!("../README.md").replace("new_checkout", "checkout");
    let card = text.split("<!-- kill card -->").nth(1).expect("the README has a kill card between its markers");
    card.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a shell block as it is printed, but against this server.
fn in_shell(server: &RedisServer, block: &str) -> String {
    let here = format!("redis-cli() {{ command redis-cli -e -p {} \"$@\"; }}\n{block}", server.port());
    let output = Command::new("bash").args(["-ec", &here]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{block}: {said}");
    said
}

#[test]
fn every_line_of_the_kill_card_is_obeyed_by_rust_and_by_python() {
    take_turns(|server| {
        let full = concat!(
            r#"{"name":"checkout","enabled": true,"rollout_percentage":33.333333333333336,"#,
            r#""allowed_users":[],"allowed_groups":["beta"],"value":1.50}"#
        );
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        let beta = EvaluationContext::new("u").group("beta");
        let [keep_the_rest, whatever_is_there, back_to_default] = kill_card().try_into().expect("three ways");
        let kill = |block: &str| {
            server.cli(&["SET", "ff:checkout", full]);
            assert_soon(|| flag!(CHECKOUT, &beta));
            let said = in_shell(&server, block);
            assert_soon(|| !flag!(CHECKOUT, &beta));
            (said, python_reads(&server))
        };

        let (_, python) = kill(&keep_the_rest);
        assert_eq!(server.cli(&["GET", "ff:checkout"]), full.replace("\"enabled\": true", "\"enabled\":false"));
        assert_eq!(python["checkout"]["enabled"], false);
        assert_eq!(python["checkout"]["allowed_groups"], serde_json::json!(["beta"]));

        let (said, python) = kill(&whatever_is_there);
        assert!(said.contains("33.333333333333336"), "it prints what was there: {said}");
        assert_eq!(python["checkout"]["enabled"], false);

        let (_, python) = kill(&back_to_default);
        assert!(python.get("checkout").is_none(), "{python}");
    });
}

#[test]
fn the_line_of_the_readme_that_switches_on_is_read_by_rust_and_by_python() {
    take_turns(|server| {
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        let text = include_str!("../README.md").replace("new_checkout", "checkout");
        let line = text.lines().find(|line| line.starts_with("redis-cli SET")).unwrap();
        in_shell(&server, line);
        assert_soon(|| flag!(CHECKOUT, details).reason == Reason::Split);
        assert_eq!(python_reads(&server)["checkout"]["rollout_percentage"], 10);
    });
}

#[test]
fn what_we_write_loads_in_python_and_is_seen_by_ourselves() {
    take_turns(|server| {
        let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
        let note = AuditNote::new("a test");
        let document = NewDocument::default().enabled(true).rollout_percentage(33.333).unwrap();
        let document = document.value("\"variant_a\"").unwrap().allowed_users(&["ü \"quoted\"".to_owned()]);
        admin.write("pricing", None, &document, &note).unwrap();
        assert_soon(|| PRICING.configured() == Some(Pricing::VariantA));
        let python = python_reads(&server);
        let expected = serde_json::json!({
            "name": "pricing", "enabled": true, "rollout_percentage": 33.333, "allowed_users": ["ü \"quoted\""],
            "allowed_groups": [], "value": "variant_a"
        });
        assert_eq!(python["pricing"], expected);
    });
}

#[test]
fn a_password_in_the_place_of_the_user_is_not_repeated() {
    take_turns(|server| {
        server.cli(&["CONFIG", "SET", "requirepass", "other"]);
        let url = format!("redis://hunter2@127.0.0.1:{}/", server.port());
        let guard = builder().source(RedisSource::new(&url).unwrap()).start().unwrap();
        assert_soon(|| status().source.unwrap().last_error.is_some());
        let said = format!("{:?} {} {guard:?}", guard.status(), guard.wait_ready(Duration::ZERO).unwrap_err());
        assert!(!said.contains("hunter2") && said.contains("redis://:password@host"), "{said}");
    });
}
