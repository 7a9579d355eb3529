//! LaunchDarkly's own SDK as a provider, fed by a server that speaks its streaming protocol.
//!
//! A start is process-wide, so the tests of this file take turns.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flags_runtime::provider::ProviderState;
use flags_runtime::provider::launchdarkly::LaunchDarkly;
use flags_runtime::provider::launchdarkly::sdk::{
    ConfigBuilder, EventProcessorBuilder, ServiceEndpointsBuilder, StreamingDataSourceBuilder,
};
use flags_runtime::{
    AttributeValue, ErrorCode, EvaluationContext, Flag, FlagValue, Guard, Json, Readiness, Reason, builder,
    feature_flag, flag, status,
};
use flags_workspace_tests::launchdarkly::LaunchDarklyServer;
use flags_workspace_tests::{eventually, example_with};
use launchdarkly_sdk_transport::HyperTransport;
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Limits {
    max: u32,
}

#[feature_flag(name = "ld_checkout", default = false, expires = "2099-01-01", provider = launchdarkly)]
static CHECKOUT: Flag<bool>;
#[feature_flag(name = "ld_base", default = false, expires = "2099-01-01", provider = launchdarkly)]
static BASE: Flag<bool>;
#[feature_flag(
    name = "ld_pricing",
    key = "Pricing of 2026",
    default = Pricing::Control,
    expires = "2099-01-01",
    provider = launchdarkly
)]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "ld_size", default = 3, expires = "2099-01-01", provider = launchdarkly)]
static SIZE: Flag<u8>;
#[feature_flag(name = "ld_ratio", default = 0.5, expires = "2099-01-01", provider = launchdarkly)]
static RATIO: Flag<f64>;
#[feature_flag(name = "ld_title", default = "declared", expires = "2099-01-01", provider = launchdarkly)]
static TITLE: Flag<String>;
#[feature_flag(name = "ld_limits", default = Limits { max: 5 }, expires = "2099-01-01", provider = launchdarkly)]
static LIMITS: Flag<Json<Limits>>;

const SOON: Duration = Duration::from_secs(20);
const KEY: &str = "sdk-key-of-a-test";

fn turn() -> MutexGuard<'static, ()> {
    static TURNS: Mutex<()> = Mutex::new(());
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The SDK with its endpoints at a server of ours, quick to come back, with events that can be read.
fn config(server: &LaunchDarklyServer, key: &str) -> ConfigBuilder {
    let transport = || HyperTransport::builder().build_http().unwrap();
    let mut stream = StreamingDataSourceBuilder::new();
    stream.initial_reconnect_delay(Duration::from_millis(20)).transport(transport());
    let mut events = EventProcessorBuilder::new();
    events.flush_interval(Duration::from_secs(3600)).compress_events(false).transport(transport());
    ConfigBuilder::new(key)
        .service_endpoints(ServiceEndpointsBuilder::new().relay_proxy(&server.url()))
        .data_source(&stream)
        .event_processor(&events)
}

fn connect(server: &LaunchDarklyServer) -> LaunchDarkly {
    LaunchDarkly::with_config(config(server, KEY)).unwrap()
}

fn start(server: &LaunchDarklyServer) -> Guard {
    let guard = builder().provider(connect(server)).start().unwrap();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    guard
}

fn user(key: &str) -> EvaluationContext {
    EvaluationContext::new(key)
}

fn of_launchdarkly() -> flags_runtime::provider::ProviderStatus {
    status().providers.remove(0)
}

#[test]
fn variations_of_all_types_reach_flags_of_all_types_with_index_and_reason() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set(
        "ld_checkout",
        json!({ "rules": [rule("plan", "in", &json!("pro"), 0)], "fallthrough": {"variation": 1} }),
    );
    server.set("Pricing of 2026", json!({ "variations": ["control", "variant_a"], "fallthrough": {"variation": 1} }));
    server.set("ld_size", json!({ "variations": [7, 8] }));
    server.set("ld_ratio", json!({ "variations": [0.25, 4] }));
    server.set("ld_title", json!({ "variations": ["told", "x"], "targets": [{"values": ["eve"], "variation": 1}] }));
    server.set("ld_limits", json!({ "variations": [{"max": 9}, {"max": 10}] }));
    let _guard = start(&server);
    assert!(flag!(CHECKOUT, &user("ada").attribute("plan", "pro")));
    assert!(!flag!(CHECKOUT, &user("ada").attribute("plan", "free")));
    assert_eq!(flag!(PRICING), Pricing::VariantA);
    assert_eq!(flag!(SIZE), 7);
    assert!((flag!(RATIO) - 0.25).abs() < f64::EPSILON);
    assert_eq!(flag!(TITLE, &user("ada")), "told");
    assert_eq!(flag!(TITLE, &user("eve")), "x");
    assert_eq!(flag!(LIMITS), Limits { max: 9 });

    let details = flag!(CHECKOUT, &user("ada").attribute("plan", "pro"), details);
    assert_eq!((details.variant.as_deref(), details.reason), (Some("0"), Reason::TargetingMatch));
    let said = |name| details.flag_metadata.get(name).cloned();
    assert_eq!(said("variationIndex"), Some(AttributeValue::Integer(0)));
    assert_eq!(said("kind"), Some("RULE_MATCH".into()));
    assert_eq!((said("ruleIndex"), said("ruleId")), (Some(AttributeValue::Integer(0)), Some("rule-of-plan".into())));
    let details = flag!(TITLE, &user("eve"), details);
    assert_eq!(details.flag_metadata.get("kind"), Some(&"TARGET_MATCH".into()));
    assert_eq!(flag!(CHECKOUT, &user("ada"), details).reason, Reason::Default, "no rule matched");
    // The same for everybody.
    let details = flag!(SIZE, &user("ada"), details);
    assert_eq!((details.variant.as_deref(), details.reason), (Some("0"), Reason::Static));
    assert_eq!(details.flag_metadata.get("kind"), Some(&"FALLTHROUGH".into()));
    assert_eq!(of_launchdarkly().errors, 0);
}

fn rule(attribute: &str, op: &str, value: &serde_json::Value, variation: u8) -> serde_json::Value {
    json!({
        "id": format!("rule-of-{attribute}"), "variation": variation, "trackEvents": false,
        "clauses": [{ "attribute": attribute, "op": op, "values": [value], "negate": false, "contextKind": "user" }],
    })
}

#[test]
fn targets_groups_kinds_segments_percentages_and_prerequisites_decide() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set(
        "ld_checkout",
        json!({ "targets": [{"values": ["ada"], "variation": 0}], "fallthrough": {"variation": 1} }),
    );
    server
        .set("ld_base", json!({ "rules": [rule("groups", "in", &json!("beta"), 0)], "fallthrough": {"variation": 1} }));
    let _guard = start(&server);
    assert!(flag!(CHECKOUT, &user("ada")) && !flag!(CHECKOUT, &user("bob")));
    assert!(!flag!(CHECKOUT, &user("ada").kind("device")), "a user is targeted, not a device");
    assert!(flag!(BASE, &user("bob").group("x").group("beta")) && !flag!(BASE, &user("bob").group("x")));

    // Half of the users, always the same.
    let rollout = json!({ "rollout": { "variations": [
        { "variation": 0, "weight": 50_000 }, { "variation": 1, "weight": 50_000 },
    ]}});
    server.set("ld_checkout", json!({ "fallthrough": rollout }));
    let on = || (0..1000).filter(|user_id| flag!(CHECKOUT, &user(&format!("user-{user_id}")))).collect::<Vec<_>>();
    assert!(eventually(SOON, || (400..600).contains(&on().len())), "{}", on().len());
    assert_eq!(on(), on());
    assert_eq!(flag!(CHECKOUT, &user("user-1"), details).reason, Reason::Split);

    // Those of a segment.
    let in_segment = rule("", "segmentMatch", &json!("staff"), 0);
    server.set_segment("staff", &["carol"]);
    server.set("ld_checkout", json!({ "rules": [in_segment], "fallthrough": {"variation": 1} }));
    assert!(eventually(SOON, || flag!(CHECKOUT, &user("carol")) && !flag!(CHECKOUT, &user("dave"))));
    server.set_segment("staff", &["dave"]);
    assert!(eventually(SOON, || flag!(CHECKOUT, &user("dave")) && !flag!(CHECKOUT, &user("carol"))));

    // Off as long as another flag is.
    server.set("ld_base", json!({ "on": false }));
    server.set("ld_checkout", json!({ "prerequisites": [{"key": "ld_base", "variation": 0}] }));
    let details = || flag!(CHECKOUT, &user("ada"), details);
    assert!(eventually(SOON, || details().flag_metadata.get("prerequisiteKey") == Some(&"ld_base".into())));
    assert_eq!((details().value, details().reason), (false, Reason::Disabled));
    server.set("ld_base", json!({}));
    assert!(eventually(SOON, || flag!(CHECKOUT, &user("ada"))));
}

#[test]
fn a_flag_that_is_alike_for_everybody_is_settled_until_it_is_not() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let _guard = start(&server);
    assert!(CHECKOUT.__core().is_settled());
    assert!(flag!(CHECKOUT));
    // Killed: off for everybody.
    server.set("ld_checkout", json!({ "on": false }));
    assert!(eventually(SOON, || !flag!(CHECKOUT)));
    assert!(eventually(SOON, || CHECKOUT.__core().is_settled()));
    let details = flag!(CHECKOUT, details);
    assert_eq!((details.reason, details.variant.as_deref()), (Reason::Disabled, Some("1")));
    assert_eq!(details.flag_metadata.get("kind"), Some(&"OFF".into()));
    // A rule: it depends on who asks.
    server.set("ld_checkout", json!({ "targets": [{"values": ["ada"], "variation": 1}] }));
    assert!(eventually(SOON, || !CHECKOUT.__core().is_settled()));
    assert!(!flag!(CHECKOUT, &user("ada")) && flag!(CHECKOUT, &user("bob")));
    // A target without anybody in it is none.
    server.set("ld_checkout", json!({ "targets": [{"values": [], "variation": 1}] }));
    assert!(eventually(SOON, || CHECKOUT.__core().is_settled()));
    // LaunchDarkly wants to see every evaluation.
    for parts in [json!({ "trackEvents": true }), json!({ "trackEventsFallthrough": true })] {
        server.set("ld_checkout", parts);
        assert!(eventually(SOON, || !CHECKOUT.__core().is_settled()));
        server.set("ld_checkout", json!({}));
        assert!(eventually(SOON, || CHECKOUT.__core().is_settled()));
    }
    // Off without a variation for that: the code's default.
    server.set("ld_size", json!({ "variations": [7], "on": false, "offVariation": null }));
    assert!(eventually(SOON, || flag!(SIZE, details).reason == Reason::Disabled));
    assert_eq!(flag!(SIZE), 3);
    // Deleted: unknown, so the code's default too.
    server.delete("ld_checkout");
    assert!(eventually(SOON, || !flag!(CHECKOUT)));
    let details = flag!(CHECKOUT, details);
    assert_eq!((details.reason, details.error_code), (Reason::Error, Some(ErrorCode::FlagNotFound)));
}

#[test]
fn a_stream_that_is_cut_changes_nothing_and_one_that_is_restored_brings_what_was_missed() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    server.set("ld_title", json!({ "variations": ["before"] }));
    let _guard = start(&server);
    server.refuse(Some("503 Service Unavailable"));
    server.cut();
    // Nobody is told of these.
    server.set("ld_checkout", json!({ "on": false }));
    server.delete("ld_title");
    assert!(flag!(CHECKOUT) && flag!(TITLE) == "before");
    assert_eq!(server.connected(), 1);
    server.refuse(None);
    assert!(eventually(SOON, || server.connected() == 2));
    assert!(eventually(SOON, || !flag!(CHECKOUT) && flag!(TITLE) == "declared"));
    assert!(eventually(SOON, || CHECKOUT.__core().is_settled()));
}

#[test]
fn a_stream_that_stays_away_is_told_and_so_is_its_return() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let endpoints = ServiceEndpointsBuilder::new().relay_proxy(&server.url()).clone();
    let launchdarkly = LaunchDarkly::with_endpoints(KEY, &endpoints).unwrap();
    let guard = builder().provider(launchdarkly).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    // One that comes back at once is nothing to speak of.
    server.cut();
    assert!(eventually(SOON, || server.connected() == 2));
    server.refuse(Some("503 Service Unavailable"));
    server.cut();
    assert_eq!(of_launchdarkly().state, ProviderState::Ready);
    assert!(eventually(2 * SOON, || of_launchdarkly().state == ProviderState::Stale));
    let last_error = of_launchdarkly().last_error.unwrap();
    assert!(last_error.starts_with("no stream from LaunchDarkly for 10 s (127.0.0.1:"), "{last_error}");
    assert!(last_error.ends_with(" answers 503 Service Unavailable); decisions stay as they are"), "{last_error}");
    assert!(flag!(CHECKOUT));
    server.refuse(None);
    assert!(eventually(2 * SOON, || of_launchdarkly().state == ProviderState::Ready));
}

fn watched(server: &LaunchDarklyServer, key: &str) -> LaunchDarkly {
    LaunchDarkly::with_endpoints(key, ServiceEndpointsBuilder::new().relay_proxy(&server.url())).unwrap()
}

#[test]
fn a_key_that_is_revoked_while_it_runs_is_told_at_once_and_decisions_stay() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let guard = builder().provider(watched(&server, KEY)).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    server.refuse(Some("401 Unauthorized"));
    server.cut();
    assert!(eventually(SOON, || of_launchdarkly().state == ProviderState::Fatal));
    let last_error = of_launchdarkly().last_error.unwrap();
    let said = " refuses the SDK key for good (401 Unauthorized): start again with another one";
    assert!(last_error.starts_with("127.0.0.1:") && last_error.ends_with(said), "{last_error}");
    assert!(flag!(CHECKOUT));
}

#[test]
fn what_keeps_it_from_starting_is_said_before_anybody_gives_up_waiting() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.refuse(Some("503 Service Unavailable"));
    let guard = builder().provider(watched(&server, KEY)).start().unwrap();
    let failed = || guard.wait_ready(Duration::from_millis(20)).unwrap_err().to_string();
    assert!(eventually(SOON, || failed().contains(" answers 503 Service Unavailable)")), "{}", failed());
    drop(guard);
    let guard = builder().provider(watched(&server, "another key")).start().unwrap();
    server.refuse(None);
    assert!(eventually(SOON, || of_launchdarkly().state == ProviderState::Fatal));
    let error = guard.wait_ready(SOON).unwrap_err().to_string();
    assert!(error.contains(" refuses the SDK key for good (401 Unauthorized)"), "{error}");
    drop(guard);
    // Nobody is there.
    let url = server.url();
    drop(server);
    let away = LaunchDarkly::with_endpoints(KEY, ServiceEndpointsBuilder::new().relay_proxy(&url)).unwrap();
    let guard = builder().provider(away).start().unwrap();
    let failed = || guard.wait_ready(Duration::from_millis(20)).unwrap_err().to_string();
    assert!(eventually(SOON, || failed().contains(" cannot be reached: ")), "{}", failed());
}

#[test]
fn a_client_starts_once() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let launchdarkly = connect(&server);
    let guard = builder().provider(launchdarkly.clone()).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    drop(guard);
    let guard = builder().provider(launchdarkly).start().unwrap();
    let error = guard.wait_ready(SOON).unwrap_err().to_string();
    assert!(error.contains("was started before") && error.ends_with("make a new one for each start"), "{error}");
    assert!(!flag!(CHECKOUT));
}

#[test]
fn an_sdk_key_that_is_refused_is_told_at_once_and_defaults_are_answered() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let refused = LaunchDarkly::with_config(config(&server, "another key")).unwrap();
    let guard = builder().provider(refused).start().unwrap();
    let begin = Instant::now();
    let error = guard.wait_ready(SOON * 10).unwrap_err().to_string();
    assert!(begin.elapsed() < SOON * 5);
    assert!(error.starts_with("provider launchdarkly: LaunchDarkly refuses the SDK key"), "{error}");
    assert!(!error.contains("another key"));
    assert_eq!(of_launchdarkly().state, ProviderState::Fatal);
    let details = flag!(CHECKOUT, details);
    assert_eq!((details.value, details.reason), (false, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::ProviderFatal));
}

#[test]
fn a_server_that_does_not_answer_keeps_nobody_waiting_for_longer_than_asked() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.be_silent(true);
    server.set("ld_checkout", json!({}));
    let guard = builder().provider(connect(&server)).start().unwrap();
    let error = guard.wait_ready(Duration::from_millis(100)).unwrap_err().to_string();
    assert_eq!(error, "no flags in time (provider launchdarkly: no answer yet)");
    assert!(!flag!(CHECKOUT));
    server.be_silent(false);
    server.cut();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    assert!(flag!(CHECKOUT));
}

#[test]
fn whoever_is_not_known_is_anonymous_and_that_is_counted() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set(
        "ld_checkout",
        json!({ "rules": [rule("anonymous", "in", &json!(true), 0)], "fallthrough": {"variation": 1} }),
    );
    let _guard = start(&server);
    let counted = || status().missing_keys.iter().find(|flag| flag.flag == "ld_checkout").map_or(0, |flag| flag.count);
    let before = counted();
    let details = flag!(CHECKOUT, details);
    assert_eq!((details.value, details.error_code), (true, Some(ErrorCode::TargetingKeyMissing)));
    assert_eq!(details.reason, Reason::TargetingMatch);
    assert_eq!(counted(), before + 1);
    assert!(!flag!(CHECKOUT, &user("ada")));
    let details = flag!(CHECKOUT, &user("ada").kind("no kind"), details);
    assert_eq!((details.reason, details.error_code), (Reason::Error, Some(ErrorCode::InvalidContext)));
    assert!(of_launchdarkly().suspended.is_empty());
}

/// How often the SDK was asked for a flag, as its summaries tell.
fn counted(server: &LaunchDarklyServer, flag: &str) -> u64 {
    let events = server.events();
    let counters = events.iter().filter_map(|event| event["features"][flag]["counters"].as_array()).flatten();
    counters.filter_map(|counter| counter["count"].as_u64()).sum()
}

#[test]
fn the_guard_sends_what_is_still_to_be_sent_and_a_settled_flag_is_told_of_once() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    server.set("ld_base", json!({ "targets": [{"values": ["ada"], "variation": 0}] }));
    let launchdarkly = connect(&server);
    // Tracked reads are noticed once, as those of each minute are.
    let guard = builder().provider(launchdarkly.clone()).track_reads().start().unwrap();
    guard.wait_ready(SOON).unwrap();
    for _ in 0..10 {
        assert!(flag!(CHECKOUT, &user("ada")) && flag!(BASE, &user("ada")));
    }
    let theirs = flags_runtime::provider::launchdarkly::sdk::ContextBuilder::new("ada").build().unwrap();
    launchdarkly.client().track_event(theirs, "bought");
    drop(guard);
    assert!(eventually(SOON, || counted(&server, "ld_base") == 10), "{:?}", server.events());
    assert_eq!(counted(&server, "ld_checkout"), 1);
    assert!(server.events().iter().any(|event| event["key"] == "bought"));
    assert!(flag!(CHECKOUT) && flag!(BASE, &user("ada")), "what was decided stays");

    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let guard = builder().provider(connect(&server).count_every_read()).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    assert!((0..10).all(|_| flag!(CHECKOUT, &user("ada"))));
    assert!(!CHECKOUT.__core().is_settled());
    drop(guard);
    assert!(eventually(SOON, || counted(&server, "ld_checkout") == 10), "{:?}", server.events());
}

#[test]
fn a_flag_of_another_type_is_the_declared_default_with_a_sentence() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({ "variations": ["on"] }));
    server.set("ld_size", json!({ "variations": [300] }));
    let _guard = start(&server);
    let details = flag!(CHECKOUT, details);
    assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::TypeMismatch)));
    assert_eq!(details.error_message.as_deref(), Some("the value `\"on\"` is neither true nor false"));
    assert_eq!(flag!(SIZE), 3);
}

#[test]
fn it_starts_and_ends_within_a_runtime_of_the_user() {
    let _turn = turn();
    let server = LaunchDarklyServer::start(KEY);
    server.set("ld_checkout", json!({}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let guard = builder().provider(connect(&server)).start().unwrap();
        assert_eq!(tokio::time::timeout(SOON, guard.ready()).await.unwrap(), Ok(Readiness::Live));
        assert!(flag!(CHECKOUT));
        drop(guard);
        // One that was never started goes away there too.
        drop(connect(&server));
    });
}

#[test]
fn an_endpoint_that_is_no_url_is_an_error_that_names_it() {
    for url in ["not a url", "relay", "ftp://relay", "http://"] {
        let error = LaunchDarkly::with_endpoints(KEY, ServiceEndpointsBuilder::new().relay_proxy(url)).unwrap_err();
        let trimmed = url.trim_end_matches('/');
        assert_eq!(error.to_string(), format!("`{trimmed}` is no URL: it looks like `http://relay:8030`"));
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

#[test]
fn a_key_that_is_not_given_is_said_by_its_name() {
    assert_eq!(
        LaunchDarkly::new("  ").unwrap_err().to_string(),
        "the SDK key is empty: LaunchDarkly shows it with its environment"
    );
}

#[test]
fn the_example_shows_the_flags_of_an_environment_and_each_change() {
    let server = LaunchDarklyServer::start(KEY);
    server.set(
        "new-checkout",
        json!({ "targets": [{"values": ["ada"], "variation": 0}], "fallthrough": {"variation": 1} }),
    );
    server.set("pricing", json!({ "variations": ["control", "variant_a"], "fallthrough": {"variation": 1} }));
    let mut program = Command::new(example_with("launchdarkly", &["launchdarkly"]))
        .env("LAUNCHDARKLY_SDK_KEY", KEY)
        .env("LAUNCHDARKLY_RELAY_URL", server.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut hears = |line: &str| assert!(said.any(|said| said == line), "never said: {line}");
    hears("provider launchdarkly: ready");
    hears("ada: new checkout true (TARGETING_MATCH), pricing VariantA (STATIC)");
    hears("bob: new checkout false (DEFAULT), pricing VariantA (STATIC)");
    hears("change a flag there; enter ends");
    server.set("pricing", json!({ "variations": ["control", "variant_a"] }));
    hears("changed: pricing");
    hears("bob: new checkout false (DEFAULT), pricing Control (STATIC)");
    program.stdin.take().unwrap().write_all(b"\n").unwrap();
    hears("2 flags, no source, provider launchdarkly (ready) for 2 flags");
    assert!(program.wait().unwrap().success());
}
