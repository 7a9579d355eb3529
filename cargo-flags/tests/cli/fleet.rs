//! `fleet` and `--wait`: who has a document, with real processes (this binary, started again) around a real Redis.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, StoredDocument};
use flags_runtime::{Flag, builder, feature_flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::support::{Said, cargo_flags, run};

#[feature_flag(name = "fleet_kill", default = true, expires = "2099-01-01")]
static FLEET_KILL: Flag<bool>;
#[feature_flag(name = "fleet_size", key = "Fleet Size", default = 7, expires = "2099-01-01")]
static FLEET_SIZE: Flag<u8>;

const SOON: Duration = Duration::from_secs(20);

/// Does nothing unless it is started by one of the others; ends when its input does.
#[test]
fn child() {
    let Ok(url) = std::env::var("TEST_URL") else { return };
    let guard = builder().source(RedisSource::new(&url).unwrap()).start().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    drop(guard);
    assert!(FLEET_KILL.get() || FLEET_SIZE.get() == 7);
}

/// Another process, which is killed with the test.
pub(crate) struct Process(Child);

impl Process {
    fn start(url: &str, service: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "fleet::child"]).env("TEST_URL", url).env("FLAGS_SERVICE", service);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill {name} {}", self.0.id())]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A fleet whose processes have all told of themselves.
pub(crate) fn fleet(server: &RedisServer, services: &[&str]) -> Vec<Process> {
    let processes = services.iter().map(|service| Process::start(&server.url(), service)).collect();
    let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
    let all_live = |admin: &mut Admin| {
        let told = admin.fleet().unwrap().items;
        told.len() == services.len() && told.iter().all(|process| process.state == "live")
    };
    assert!(eventually(SOON, || all_live(&mut admin)), "{:?}", admin.fleet());
    // With the first heartbeat, or right after it.
    assert!(eventually(SOON, || !admin.builds(9).unwrap().items.is_empty()));
    processes
}

fn at(server: &RedisServer, words: &[&str]) -> Said {
    run(cargo_flags().args(words).args(["--redis", &server.url()]))
}

/// Puts a heartbeat of a process of another kind there.
fn pretend(server: &RedisServer, instance: &str, pid: u32, flags: &Value) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // The third process is silent.
    let at = u64::try_from(now.as_millis()).unwrap() - if pid == 3 { 100_000 } else { 0 };
    let told = json!({"v": 1, "instance": instance, "service": "old", "host": "far", "pid": pid, "build": "b", "started": 1,
        "at": at, "state": "lost", "age_ms": 90_000, "flags": flags});
    server.cli(&["SET", &format!("ff-meta:instance:{instance}"), &told.to_string()]);
    // The time of the last heartbeat; real processes take off what is old.
    server.cli(&["ZADD", "ff-meta:instances", "4000000000", instance]);
}

#[test]
fn every_process_is_a_row_and_a_flag_has_come_to_some_of_them() {
    let server = RedisServer::start();
    let processes = fleet(&server, &["checkout", "search"]);
    let text = at(&server, &["fleet"]).done();
    assert_eq!(text.lines().count(), 3, "{text}");
    let pid = processes[0].0.id().to_string();
    let words: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], words[words.len() - 2], words[words.len() - 1]),
        ("checkout", &*pid, "push", "live")
    );
    let json = at(&server, &["fleet", "--format", "json"]).json();
    assert_eq!((&json[0]["service"], &json[1]["service"]), (&json!("checkout"), &json!("search")));
    assert_eq!((&json[0]["refused"], &json[0]["overridden"]), (&json!({}), &json!([])));
    assert!(json[0]["at"].as_str().unwrap().ends_with('Z'), "{json}");
    assert!(at(&server, &["fleet", "--format", "markdown"]).done().starts_with("| service | host |"));

    // Without a document, everybody who has none has it.
    let text = at(&server, &["fleet", "fleet_kill"]).done();
    assert_eq!(text.lines().next(), Some("applied by 2 of 2"), "{text}");
    server.cli(&["SET", "ff:Fleet Size", r#"{"name":"Fleet Size","enabled":true,"value":"no"}"#]);
    let summary = || at(&server, &["fleet", "fleet_size"]).done().lines().next().unwrap().to_owned();
    assert!(eventually(SOON, || summary().starts_with("applied by 0 of 2, 2 refuse it: ")), "{}", summary());
    assert!(
        summary().contains(&format!("/{pid}: ")) && summary().contains("is not a whole number from 0"),
        "{}",
        summary()
    );
    let json = at(&server, &["fleet", "--format", "json"]).json();
    assert!(json[0]["refused"]["Fleet Size"].as_str().unwrap().contains("whole number"), "{json}");

    // Others: one that is late, one that is overridden, one that does not know the flag, and one of a newer version.
    server.cli(&["SET", "ff:fleet_kill", r#"{"name":"fleet_kill","enabled":false}"#]);
    let sha = StoredDocument::from(server.cli(&["GET", "ff:fleet_kill"])).short_sha();
    pretend(&server, "late", 1, &json!({"fleet_kill": {"sha": null}}));
    pretend(&server, "over", 2, &json!({"fleet_kill": {"sha": sha, "overridden": true}}));
    pretend(&server, "none", 4, &json!({}));
    pretend(&server, "gone", 3, &json!({"fleet_kill": {"sha": "0"}}));
    server.cli(&["SET", "ff-meta:instance:newer", r#"{"v":2}"#]);
    server.cli(&["ZADD", "ff-meta:instances", "4000000000", "newer"]);
    let said = at(&server, &["fleet", "fleet_kill", "--wait", "200ms"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("error: the document of `fleet_kill` is not in force everywhere within 200ms"),
        "{said:?}"
    );
    let first_line = || at(&server, &["fleet", "fleet_kill"]).done().lines().next().unwrap().to_owned();
    let is_expected = |line: &str| {
        line.starts_with("applied by 3 of 5, 2 not yet: far/1 (lost), far/3 (silent for 1")
            && line.ends_with(
                " s), but overridden in 1: far/2; 1 process in which this flag is not known; 1 heartbeat cannot be read",
            )
    };
    assert!(eventually(SOON, || is_expected(&first_line())), "{}", first_line());
    let text = at(&server, &["fleet", "fleet_kill"]).done();
    assert!(text.contains("applied, but overridden") && text.contains("lost, data of 90 s ago"), "{text}");
    let json = at(&server, &["fleet", "fleet_kill", "--format", "json"]).json();
    assert_eq!((&json["applied"], &json["of"], &json["not_known_in"]), (&json!(3), &json!(5), &json!(1)));
    assert_eq!((&json["not_yet"][0]["host"], &json["overridden"][0]["pid"]), (&json!("far"), &json!(2)));
    assert_eq!((&json["sha"], &json["unreadable"]), (&json!(sha), &json!(1)));
    assert!(is_expected(json["summary"].as_str().unwrap()), "{json}");
    assert_eq!(json["processes"].as_array().unwrap().len(), 5);
    assert!(at(&server, &["fleet"]).stderr.contains("1 heartbeat cannot be read"));
}

#[test]
fn a_kill_ends_when_every_process_has_it_and_fails_when_one_has_not() {
    let server = RedisServer::start();
    let processes = fleet(&server, &["a", "b", "c"]);
    let text = at(&server, &["off", "fleet_kill", "--wait", "30s"]).done();
    assert_eq!(text.lines().last(), Some("applied by 3 of 3"), "{text}");
    processes[1].signal("-STOP");
    let said = at(&server, &["on", "fleet_kill", "--wait", "3s"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let last = said.stdout.lines().last().unwrap();
    assert!(last.starts_with("applied by 2 of 3, 1 not yet: "), "{said:?}");
    assert!(last.ends_with(&format!("/{}", processes[1].0.id())), "{said:?}");
    assert!(said.stderr.contains("is not in force everywhere within 3s"), "{said:?}");
    processes[1].signal("-CONT");
    at(&server, &["fleet", "fleet_kill", "--wait", "30s"]).done();
    let json = at(&server, &["rollout", "fleet_kill", "10", "--wait", "30s", "--format", "json"]).json();
    assert_eq!((&json["fleet"]["applied"], &json["fleet"]["summary"]), (&json!(3), &json!("applied by 3 of 3")));
    let text = at(&server, &["set", "fleet_size", "9", "--wait", "30s", "--format", "markdown"]).done();
    assert!(text.ends_with("|\n\napplied by 3 of 3\n"), "{text}");
    // A refusal is no reason to wait.
    let said = at(&server, &["set", "fleet_size", "\"no\"", "--force", "--wait", "1000s"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("applied by 0 of 3, 3 refuse it: "), "{said:?}");
}

#[test]
fn where_nobody_reports_nobody_can_say_who_has_it() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:known", r#"{"name":"known","enabled":true}"#]);
    let said = at(&server, &["fleet"]);
    assert!(said.stderr.contains("note: no process reports here"), "{said:?}");
    assert_eq!(said.done(), "");
    assert_eq!(at(&server, &["fleet", "--format", "json"]).json(), json!([]));
    let text = at(&server, &["fleet", "known"]).done();
    assert_eq!(text, "no process reports here: cannot tell who has it\n");
    let said = at(&server, &["off", "known", "--wait", "5s"]);
    assert_eq!(
        (said.code, said.stdout.lines().last()),
        (Some(1), Some("no process reports here: cannot tell who has it"))
    );
    assert!(server.cli(&["GET", "ff:known"]).contains("\"enabled\":false"));
    pretend(&server, "other", 1, &json!({"x": {"sha": null}}));
    let said = at(&server, &["fleet", "known", "--wait", "5s"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.starts_with("no process that reports here knows this flag"), "{said:?}");

    let error = at(&server, &["fleet", "unheard_of"]).failed(2);
    assert!(error.contains("`unheard_of`"), "{error}");
    for words in [&["off", "known", "--wait", "5"][..], &["fleet", "--wait", "5s"], &["fleet", "ff:known"]] {
        assert_eq!(at(&server, words).code, Some(2), "{words:?}");
    }
}

#[test]
fn a_kill_that_an_override_file_undoes_is_no_success() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:fleet_kill", r#"{"name":"fleet_kill","enabled":false}"#]);
    let sha = StoredDocument::from(server.cli(&["GET", "ff:fleet_kill"])).short_sha();
    pretend(&server, "over", 2, &json!({"fleet_kill": {"sha": sha, "overridden": true}}));
    let said = at(&server, &["fleet", "fleet_kill", "--wait", "200ms"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("an override file answers in 1 of 1"), "{said:?}");
}

#[test]
fn a_process_that_answers_its_default_for_an_outage_has_not_got_the_kill() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:known", r#"{"name":"known","enabled":false}"#]);
    let sha = StoredDocument::from(server.cli(&["GET", "ff:known"])).short_sha();
    pretend(&server, "away", 1, &json!({"known": {"sha": sha, "outage": true}}));
    let said = at(&server, &["fleet", "known", "--wait", "200ms"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.starts_with("applied by 0 of 1, 1 not yet: far/1 (lost, answers its default)\n"), "{said:?}");
    assert!(said.stdout.contains("not yet: its source is away, and the declared default answers"), "{said:?}");
}

#[test]
fn who_may_not_read_heartbeats_still_writes_and_hears_that_nobody_can_say() {
    let server = RedisServer::start();
    let processes = fleet(&server, &["a"]);
    let words = "ACL SETUSER writer on >pw resetkeys ~ff:* ~ff-audit -@all +hello +get +set +eval +xadd +time +role";
    server.cli(&words.split_whitespace().collect::<Vec<_>>());
    server.cli(&["SET", "ff:fleet_kill", r#"{"name":"fleet_kill","enabled":true}"#]);
    let said =
        run(cargo_flags().args(["off", "fleet_kill", "--wait", "5s", "--redis", &server.url_as("writer", "pw")]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("the write of `fleet_kill` is done, but nobody can say who has it: "), "{said:?}");
    assert!(server.cli(&["GET", "ff:fleet_kill"]).contains("\"enabled\":false"));
    drop(processes);
}

#[test]
fn names_are_checked_against_the_builds_that_run() {
    let server = RedisServer::start();
    let processes = fleet(&server, &["a"]);
    // Outside of any package, and without a document.
    for words in [&["on", "fleet_kil"][..], &["off", "fleet_kil"], &["get", "fleet_kil"]] {
        let error = at(&server, words).failed(2);
        let expected = "the builds that report to this server declare no flag `fleet_kil`: did you mean `fleet_kill`";
        assert!(error.contains(expected), "{words:?}: {error}");
    }
    assert_eq!(server.cli(&["KEYS", "ff:*"]), "");
    // Records tell the key and the type, too.
    at(&server, &["set", "fleet_size", "9"]).done();
    assert!(server.cli(&["GET", "ff:Fleet Size"]).contains("\"value\":9"));
    let error = at(&server, &["set", "fleet_size", "300"]).failed(2);
    assert!(error.contains("from 0 to 255"), "{error}");
    // A given file alone decides, and a package at hand is asked for what does not run yet.
    let artifact = fixture().program();
    let error = at(&server, &["on", "fleet_kill", "--artifact", artifact.to_str().unwrap()]).failed(2);
    assert!(error.contains("the given files declare no flag"), "{error}");
    run(&mut fixture().command("shop", &["on", "new_checkout", "--redis", &server.url()])).done();
    let error = run(&mut fixture().command("shop", &["on", "new_chekcout_", "--redis", &server.url()])).failed(2);
    assert!(error.contains("and this package's last one declare no flag"), "{error}");
    // A build that left no record is known by what is in force there.
    server.cli(&["DEL", "ff-meta:builds"]);
    pretend(&server, "other", 1, &json!({"of_another": {"sha": null}}));
    run(&mut fixture().command("shop", &["on", "of_another", "--redis", &server.url()])).done();
    drop(processes);
}
