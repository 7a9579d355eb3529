//! `shadow`: what processes left in a real Redis, added up. This process is one of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use flags_runtime::dark_launch::Experiment;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{EvaluationContext, Flag, Guard, TargetingKeys, builder, feature_flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::support::{cargo_flags, run};

#[feature_flag(name = "cli_shadow", default = true, expires = "2099-01-01")]
static CLI_SHADOW: Flag<bool>;
#[feature_flag(name = "cli_watched", default = true, expires = "2099-01-01")]
static CLI_WATCHED: Flag<bool>;
#[feature_flag(name = "cli_rights", default = true, expires = "2099-01-01")]
static CLI_RIGHTS: Flag<bool>;
#[feature_flag(name = "cli_shared", default = true, expires = "2099-01-01")]
static CLI_SHARED: Flag<bool>;

/// A command that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One start at a time.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Debug, PartialEq)]
struct Invoice {
    net: u32,
    customer: &'static str,
}

fn start(url: &str) -> Guard {
    let source = RedisSource::new(url).unwrap();
    let guard = builder().source(source).report_interval(Duration::from_millis(100)).start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    guard
}

fn shadow(server: &RedisServer, words: &[&str]) -> Command {
    let mut command = cargo_flags();
    command.arg("shadow").args(words).args(["--redis", &server.url()]);
    command
}

#[test]
fn shadow_adds_up_what_processes_left_and_says_what_may_be_concluded() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = RedisServer::start();
    let guard = start(&server.url());
    let ctx = EvaluationContext::new("user-42");
    for run in 0..1000_u32 {
        let legacy = || Invoice { net: 1, customer: "secret" };
        let body = || Invoice { net: 1 + u32::from(run % 500 == 0), customer: "secret" };
        ctx.scope(|| Experiment::new(&CLI_SHADOW).run(legacy, body));
    }
    // What is new is left when the guard goes, too.
    drop(guard);
    let keys = server.cli(&["KEYS", "ff-shadow:cli_shadow:*"]);
    assert_eq!(keys.lines().count(), 1, "{keys}");
    assert!(server.cli(&["TTL", keys.trim()]).trim().parse::<u64>().unwrap() > 600_000);
    assert!(server.cli(&["TTL", "ff-shadow:cli_shadow"]).trim().parse::<u64>().unwrap() > 600_000);
    let document = server.cli(&["GET", keys.trim()]);
    assert!(!document.contains("secret") && !document.contains("user-42"), "{document}");
    // Another process of the fleet.
    server.cli(&["SET", "ff-shadow:cli_shadow:other", &document]);
    server.cli(&["ZADD", "ff-shadow:cli_shadow", "1", "other", "1", "gone"]);

    let text = run(&mut shadow(&server, &["cli_shadow"])).done();
    for line in [
        "processes     2",
        "runs          2000",
        "matched       1996",
        "mismatched    4",
        "4      values differ in `net`",
    ] {
        assert!(text.lines().any(|own| own.trim_end() == line), "{line}: {text}");
    }
    assert!(text.contains("6d894aa3ee802549") && text.contains("(stays in its process)"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("legacy  ")), "{text}");
    let verdict =
        "4 of 2,000 differ: 0.20 %, at most 0.46 % with 95 % confidence; look at the mismatches before you switch";
    // On a busy machine it may also tell of latencies.
    assert!(text.lines().last().is_some_and(|last| last.starts_with(&format!("verdict: {verdict}"))), "{text}");

    let json = run(&mut shadow(&server, &["cli_shadow", "--format", "json"])).json();
    crate::schema::assert_described("shadow", &json);
    assert_eq!((&json["runs"], &json["compared"]), (&json!(2000), &json!(2000)));
    assert!(json["verdict"].as_str().is_some_and(|said| said.starts_with(verdict)), "{json}");
    assert_eq!(json["kinds"], json!([{"kind": "values differ in `net`", "times": 4}]));
    assert_eq!(json["mismatches"][0]["legacy"], Value::Null);
    let markdown = run(&mut shadow(&server, &["cli_shadow", "--format", "markdown"])).done();
    assert!(markdown.contains("| mismatched | 4 |"), "{markdown}");

    // Only those with the fix, of which there is none.
    let text = run(&mut shadow(&server, &["cli_shadow", "--since", "2099-01-01T00:00:00Z"])).done();
    assert!(text.contains("no process has left results in the last seven days"), "{text}");
    let said = run(&mut shadow(&server, &["cli_shadow", "--since", "2099-01-01"]));
    assert!(said.stderr.contains("all 2 processes that left results began to count earlier than --since"), "{said:?}");
    for recent in ["1h", "7d", "2020-02-29"] {
        let text = run(&mut shadow(&server, &["cli_shadow", "--since", recent])).done();
        assert!(text.contains("runs          2000"), "{recent}: {text}");
    }
    let error = run(&mut shadow(&server, &["cli_shadow", "--since", "yesterday"])).failed(2);
    assert!(error.contains("--since"), "{error}");

    // A newer version is not understood, and the rest still adds up.
    server.cli(&["SET", "ff-shadow:cli_shadow:other", r#"{"v":2}"#]);
    let said = run(&mut shadow(&server, &["cli_shadow"]));
    assert!(said.stderr.contains("1 of the results of `cli_shadow` cannot be read"), "{said:?}");
    assert!(said.done().contains("runs          1000"));
}

#[test]
fn shadow_of_an_unknown_flag_or_server_says_so() {
    let server = RedisServer::start();
    let error = run(&mut shadow(&server, &["nobody"])).failed(2);
    assert!(error.contains("`nobody`"), "{error}");
    server.cli(&["SET", "ff:known", r#"{"name":"known","enabled":true}"#]);
    let text = run(&mut shadow(&server, &["known"])).done();
    assert!(
        text.ends_with("verdict: nothing can be said: no process has left results in the last seven days\n"),
        "{text}"
    );
    server.cli(&["SET", "ff-shadow:known", "of somebody else"]);
    let error = run(&mut shadow(&server, &["known"])).failed(2);
    assert!(error.contains("ff-shadow:known"), "{error}");
    assert!(error.contains("holds something else than dark-launch results"), "{error}");
    let error = run(cargo_flags().args(["shadow", "known", "--redis", "redis://127.0.0.1:1/"])).failed(2);
    assert!(error.contains("127.0.0.1:1"), "{error}");
}

#[test]
fn values_and_targeting_keys_leave_the_process_only_if_the_program_says_so() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = RedisServer::start();
    let source = RedisSource::new(&server.url()).unwrap();
    let builder = builder().source(source).targeting_keys(TargetingKeys::Raw).share_uncleaned_values();
    let guard = builder.start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    let ctx = EvaluationContext::new("user-42");
    Experiment::new_for(&CLI_SHARED, &ctx).run(|| "mine", || "yours");
    drop(guard);
    let text = run(&mut shadow(&server, &["cli_shared"])).done();
    assert!(text.contains("user-42") && text.contains("\"mine\"") && text.contains("\"yours\""), "{text}");
}

#[test]
fn shadow_needs_the_rights_that_the_readme_names() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:known", r#"{"name":"known","enabled":true}"#]);
    let readme = std::fs::read_to_string(crate::support::repository("README.md")).unwrap();
    let line = "resetkeys %R~ff:* %R~ff-shadow:* -@all +hello +get +zrange +mget";
    assert!(readme.contains(line), "the README names other rights");
    let words: Vec<_> = ["ACL", "SETUSER", "auditor", "on", ">pw"].into_iter().chain(line.split(' ')).collect();
    server.cli(&words);
    let url = server.url_as("auditor", "pw");
    run(cargo_flags().args(["shadow", "known", "--redis", &url])).done();
}

#[test]
fn shadow_watches() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = RedisServer::start();
    let guard = start(&server.url());
    assert_eq!(Experiment::new(&CLI_WATCHED).run(|| 1, || 1), 1);
    let key = "ff-shadow:cli_watched";
    assert!(eventually(Duration::from_secs(10), || server.cli(&["EXISTS", key]).trim() == "1"));
    let mut command = shadow(&server, &["cli_watched", "--watch", "--format", "json"]);
    let mut child = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut runs = || {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["runs"].as_u64().unwrap()
    };
    assert_eq!(runs(), 1);
    assert_eq!(Experiment::new(&CLI_WATCHED).run(|| 1, || 1), 1);
    while runs() != 2 {}
    // A server that goes and comes back is no end.
    server.kill();
    server.restart();
    assert_eq!(Experiment::new(&CLI_WATCHED).run(|| 1, || 1), 1);
    while runs() != 3 {}
    drop((child, guard));
}

#[test]
fn results_that_may_not_be_left_are_told_of_once_and_cost_nothing_else() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = RedisServer::start();
    server.cli(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">pw",
        "resetkeys",
        "%R~ff:*",
        "-@all",
        "+hello",
        "+ping",
        "+mget",
        "+client|tracking",
    ]);
    let events = std::sync::Arc::new(Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&events);
    let source = RedisSource::new(&format!("redis://reader:pw@127.0.0.1:{}", server.port())).unwrap();
    let guard = builder()
        .source(source)
        .targeting_keys(TargetingKeys::Omitted)
        .report_interval(Duration::from_millis(100))
        .on_event(move |event| heard.lock().unwrap().push(event.to_string()))
        .start()
        .unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    assert_eq!(Experiment::new(&CLI_RIGHTS).run(|| 1, || 2), 1);
    let told =
        || events.lock().unwrap().iter().filter(|event| event.contains("not reported")).cloned().collect::<Vec<_>>();
    assert!(eventually(Duration::from_secs(10), || !told().is_empty()));
    assert!(told()[0].contains("does not let this user run ZADD"), "{:?}", told());
    assert_eq!(Experiment::new(&CLI_RIGHTS).run(|| 1, || 2), 1);
    drop(guard);
    assert_eq!(told().len(), 1, "{:?}", told());
    assert_eq!(server.cli(&["KEYS", "ff-shadow*"]).trim(), "");
}
