//! Heartbeats, build records and "seen" against a real Redis: what a process tells of itself, and what it costs nobody.
//!
//! The source is process-wide, so the tests of this file take turns; other processes are this binary, started again.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use flags_runtime::dark_launch::Experiment;
use flags_runtime::source::redis::admin::{Admin, FlagInForce, Heartbeat, Role, Stand};
use flags_runtime::source::redis::{Prefix, RedisSource};
use flags_runtime::source::{Letter, Source};
use flags_runtime::{Flag, Guard, StartError, builder, feature_flag, flag, registry, status};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;
use flags_workspace_tests::wire::{HELLO_3, Scripted};

#[feature_flag(name = "beat", default = false, expires = "2099-01-01")]
static BEAT: Flag<bool>;
#[feature_flag(name = "beat_size", key = "Beat Size", default = 7, expires = "2099-01-01", owner = "tests")]
static BEAT_SIZE: Flag<u8>;
#[feature_flag(name = "beat_never_read", default = 1, expires = "2099-01-01")]
static BEAT_NEVER_READ: Flag<u8>;

#[feature_flag(name = "beat_strict", default = 7, expires = "2099-01-01", on_outage = default(after = "400ms"))]
static BEAT_STRICT: Flag<u8>;
#[feature_flag(name = "beat_made", default_fn = made, expires = "2099-01-01")]
static BEAT_MADE: Flag<u8>;

static TIMES_MADE: AtomicUsize = AtomicUsize::new(0);

fn made() -> u8 {
    TIMES_MADE.fetch_add(1, Ordering::SeqCst);
    5
}

const ON: &str = r#"{"name":"beat","enabled":true}"#;

#[track_caller]
fn assert_soon(mut condition: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(20), &mut condition), "not within 20 s: {:?}", status());
}

fn start(url: &str) -> Guard {
    let guard = builder().source(RedisSource::new(url).unwrap()).service("checkout").start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    guard
}

fn admin(server: &RedisServer) -> Admin {
    Admin::connect(&server.url(), "ff:").unwrap()
}

/// The one process that reports.
fn heartbeat(admin: &mut Admin) -> Option<Heartbeat> {
    let mut found = admin.fleet().unwrap();
    assert_eq!(found.unreadable, 0);
    assert!(found.items.len() <= 1, "{found:?}");
    found.items.pop()
}

fn in_force(admin: &mut Admin, key: &str) -> FlagInForce {
    heartbeat(admin).map(|process| process.flags[key].clone()).unwrap_or_default()
}

fn keys(server: &RedisServer, pattern: &str) -> Vec<String> {
    let mut keys: Vec<_> = server.cli(&["KEYS", pattern]).lines().map(str::to_owned).collect();
    keys.retain(|key| !key.is_empty());
    keys.sort();
    keys
}

fn time_to_live(server: &RedisServer, key: &str) -> u64 {
    server.cli(&["TTL", key]).parse().unwrap()
}

/// Does nothing unless it is started by one of the others; ends when its input does.
#[test]
fn child() {
    let Ok(url) = std::env::var("TEST_URL") else { return };
    let guard = builder().source(RedisSource::new(&url).unwrap()).start().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    drop(guard);
}

/// Another process, which is killed with the test.
struct Process(Child);

impl Process {
    fn start(server: &RedisServer, service: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child"]).env("TEST_URL", server.url()).env("FLAGS_SERVICE", service);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn end(&mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_tells_what_is_in_force_soon_after_a_change_or_a_refusal() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let guard = start(&server.url());
    assert_soon(|| heartbeat(&mut admin).is_some());
    let told = heartbeat(&mut admin).unwrap();
    assert_eq!((&*told.service, told.pid), ("checkout", std::process::id()));
    assert_eq!((&*told.state, told.mode.as_deref()), ("live", Some("push")));
    assert_eq!(told.source, format!("redis at 127.0.0.1:{}", server.port()));
    assert!(!told.host.is_empty() && told.age.is_some() && told.started <= told.at, "{told:?}");
    assert_eq!(
        told.flags.keys().collect::<Vec<_>>(),
        ["Beat Size", "beat", "beat_made", "beat_never_read", "beat_strict"]
    );
    assert!(told.flags.values().all(|flag| *flag == FlagInForce::default()), "{told:?}");
    let [key] = &keys(&server, "ff-meta:instance:*")[..] else { panic!("one process") };
    assert_eq!(*key, format!("ff-meta:instance:{}", told.instance));
    assert!((100..=150).contains(&time_to_live(&server, key)));
    assert_eq!(server.cli(&["ZRANGE", "ff-meta:instances", "0", "-1"]), told.instance);

    // An idle process says so every minute: what comes sooner comes because of the change.
    server.cli(&["SET", "ff:beat", ON]);
    let sha = admin.get("beat").unwrap().unwrap().short_sha();
    assert_soon(|| in_force(&mut admin, "beat").sha.as_ref() == Some(&sha));
    assert_eq!(admin.spread("beat", None).unwrap().processes[0].1, Stand::Applied);
    server.cli(&["SET", "ff:Beat Size", r#"{"name":"Beat Size","enabled":true,"value":8}"#]);
    let good = admin.get("Beat Size").unwrap().unwrap().short_sha();
    assert_soon(|| in_force(&mut admin, "Beat Size").sha.as_ref() == Some(&good));
    server.cli(&["SET", "ff:Beat Size", r#"{"name":"Beat Size","enabled":true,"value":"no"}"#]);
    let bad = admin.get("Beat Size").unwrap().unwrap().short_sha();
    assert_soon(|| in_force(&mut admin, "Beat Size").refused.is_some());
    let flag = in_force(&mut admin, "Beat Size");
    assert_eq!((flag.sha, flag.refused_sha), (Some(good), Some(bad)));
    assert!(flag.refused.unwrap().contains("whole number"));
    assert_eq!(admin.spread("Beat Size", None).unwrap().processes[0].1, Stand::Refused);
    server.cli(&["DEL", "ff:Beat Size"]);
    assert_soon(|| in_force(&mut admin, "Beat Size") == FlagInForce::default());

    // Nobody is to wait for a process that is gone.
    drop(guard);
    assert_eq!(keys(&server, "ff-meta:instance*"), [""; 0]);
}

#[test]
fn an_override_is_told() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("override.json");
    let guard = builder().source(RedisSource::new(&server.url()).unwrap()).override_file(&path).start().unwrap();
    assert_soon(|| heartbeat(&mut admin).is_some());
    std::fs::write(&path, r#"{"beat":{"enabled":true},"Beat Size":{"enabled":true,"value":"no"}}"#).unwrap();
    assert_soon(|| in_force(&mut admin, "beat").is_overridden);
    let flag = in_force(&mut admin, "Beat Size");
    assert!(!flag.is_overridden && flag.refused.is_none() && flag.override_refused.is_some(), "{flag:?}");
    let spread = admin.spread("beat", None).unwrap();
    assert_eq!((spread.processes[0].1, spread.sha), (Stand::Applied, None));
    drop(guard);
}

#[test]
fn of_two_processes_the_one_that_ends_in_order_leaves_and_the_one_that_is_killed_expires() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let mut ends = Process::start(&server, "search");
    let mut is_killed = Process::start(&server, "checkout");
    let services =
        |admin: &mut Admin| admin.fleet().unwrap().items.into_iter().map(|told| told.service).collect::<Vec<_>>();
    assert_soon(|| services(&mut admin) == ["checkout", "search"]);
    ends.end();
    is_killed.0.kill().unwrap();
    is_killed.0.wait().unwrap();
    assert_eq!(services(&mut admin), ["checkout"]);
    let left = keys(&server, "ff-meta:instance:*");
    assert!(left.len() == 1 && time_to_live(&server, &left[0]) <= 150, "{left:?}");
    // As if its time were over; the list may know it for longer.
    server.cli(&["DEL", &left[0]]);
    assert_eq!(services(&mut admin), [""; 0]);
    assert_eq!(server.cli(&["ZCARD", "ff-meta:instances"]), "1");
    assert!(time_to_live(&server, "ff-meta:instances") > 0);
}

#[test]
fn each_build_leaves_the_records_of_its_flags_once() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let processes = ["checkout", "checkout", "search"].map(|service| Process::start(&server, service));
    assert_soon(|| admin.fleet().unwrap().items.len() == 3 && admin.builds(9).unwrap().items.len() == 2);
    let told = admin.fleet().unwrap().items;
    assert_eq!(told[0].build, told[1].build);
    assert_ne!(told[0].build, told[2].build);
    let builds = admin.builds(9).unwrap();
    assert_eq!((builds.items.len(), builds.unreadable), (2, 0));
    let build = builds.items.iter().find(|build| build.service == "checkout").unwrap();
    assert_eq!(build.build, told[0].build);
    let mut records: Vec<_> = registry().flags().iter().map(|flag| flag.declaration().record()).collect();
    records.sort_unstable();
    let records: Vec<_> = records.iter().map(|record| str::from_utf8(record).unwrap().trim()).collect();
    assert_eq!(build.flags, records);
    assert!(records.iter().any(|record| record.contains("Beat Size")), "{records:?}");
    let days = time_to_live(&server, &format!("ff-meta:build:{}", build.build)) / (24 * 60 * 60);
    assert!((399..=400).contains(&days), "{days}");
    assert_eq!(admin.builds(1).unwrap().items.len(), 1);
    let age = SystemTime::now().duration_since(build.last_seen).unwrap_or_default();
    assert!(age < Duration::from_secs(600), "{age:?}");
    drop(processes);

    server.cli(&["SET", "ff-meta:build:zz", "of somebody else"]);
    server.cli(&["ZADD", "ff-meta:builds", "4000000000", "zz"]);
    server.cli(&["SET", "ff-meta:instance:zz", r#"{"v":2}"#]);
    server.cli(&["ZADD", "ff-meta:instances", "4000000000", "zz"]);
    let (builds, fleet) = (admin.builds(9).unwrap(), admin.fleet().unwrap());
    assert_eq!((builds.items.len(), builds.unreadable, fleet.unreadable), (2, 1, 1));
}

#[test]
fn flags_that_are_read_are_seen_again_after_each_report_and_others_never() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let source = RedisSource::new(&server.url()).unwrap();
    // Six times that is how often reads are told.
    let guard = builder().source(source).report_interval(Duration::from_millis(100)).track_reads().start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    assert_eq!(guard.status().unread, ["beat", "beat_made", "beat_never_read", "beat_size", "beat_strict"]);
    for _ in 0..3 {
        assert!(!flag!(BEAT));
        assert_soon(|| server.cli(&["ZRANGE", "ff-meta:seen", "0", "-1"]) == "beat");
        let (key, at) = admin.seen().unwrap().remove(0);
        let age = SystemTime::now().duration_since(at).unwrap();
        assert!(key == "beat" && age < Duration::from_secs(600), "{key}: {age:?}");
        // Once it was told, nothing but another read tells it again.
        server.cli(&["DEL", "ff-meta:seen"]);
        // What nobody has read since start stays so, however often reads were armed meanwhile.
        assert_eq!(guard.status().unread, ["beat_made", "beat_never_read", "beat_size", "beat_strict"]);
    }
    assert_eq!(BEAT_SIZE.get(), 7);
    assert_eq!(guard.status().unread, ["beat_made", "beat_never_read", "beat_strict"]);
    // What was read last is told at the end; a later time of another process stays.
    server.cli(&["ZADD", "ff-meta:seen", "4000000000", "Beat Size"]);
    server.cli(&["ZADD", "ff-meta:seen", "4000000000", "of another program", "1000", "long ago"]);
    drop(guard);
    let scores = server.cli(&["ZRANGE", "ff-meta:seen", "0", "-1", "WITHSCORES"]);
    assert_eq!(scores, "Beat Size\n4000000000\nof another program\n4000000000");
    assert!(time_to_live(&server, "ff-meta:seen") > 399 * 24 * 60 * 60);
    assert!(status().unread.contains(&"beat_never_read"));
    // Nothing is tracked by the next start, which does not ask for it.
    drop(builder().start().unwrap());
    assert_eq!(status().unread, [""; 0]);
    let _ = &BEAT_NEVER_READ;
}

#[test]
fn since_when_a_document_is_in_force_is_noted_by_the_first_process_that_goes_by_it() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let since = |admin: &mut Admin, key: &str| {
        let sha = admin.get(key).unwrap()?.short_sha();
        let observed = admin.observed().unwrap();
        let of_document = observed.iter().find(|observed| observed.key == key && observed.short_sha == sha);
        of_document.map(|observed| observed.at)
    };
    server.cli(&["SET", "ff:Beat Size", r#"{"name":"Beat Size","enabled":true}"#]);
    let sha = admin.get("Beat Size").unwrap().unwrap().short_sha();
    // Another process was first.
    server.cli(&["ZADD", "ff-meta:since", "1000", &format!("{sha}:Beat Size")]);
    let guard = start(&server.url());
    server.cli(&["SET", "ff:beat", ON]);
    assert_soon(|| since(&mut admin, "beat").is_some());
    let age = SystemTime::now().duration_since(since(&mut admin, "beat").unwrap()).unwrap();
    assert!(age < Duration::from_secs(600), "{age:?}");
    assert_eq!(since(&mut admin, "Beat Size"), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)));
    assert!(time_to_live(&server, "ff-meta:since") > 399 * 24 * 60 * 60);
    // What goes takes its time along: if it comes back, it is new.
    server.cli(&["SET", "ff:Beat Size", r#"{"name":"Beat Size","enabled":false}"#]);
    assert_soon(|| since(&mut admin, "Beat Size").is_some());
    server.cli(&["DEL", "ff:beat"]);
    assert_soon(|| admin.observed().unwrap().len() == 1);
    server.cli(&["SET", "ff:Beat Size", r#"{"name":"Beat Size","enabled":true}"#]);
    assert_soon(|| since(&mut admin, "Beat Size").is_some());
    let age = SystemTime::now().duration_since(since(&mut admin, "Beat Size").unwrap()).unwrap();
    assert!(age < Duration::from_secs(600), "{age:?}");
    drop(guard);
}

#[test]
fn reads_without_a_targeting_key_are_told() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    server.cli(&["SET", "ff:beat", r#"{"name":"beat","enabled":true,"rollout_percentage":50}"#]);
    let guard = start(&server.url());
    assert_soon(|| in_force(&mut admin, "beat").sha.is_some());
    let before = in_force(&mut admin, "beat").missing_keys;
    flag!(BEAT);
    server.cli(&["SET", "ff:beat_strict", r#"{"name":"beat_strict","enabled":true,"value":9}"#]);
    assert_soon(|| in_force(&mut admin, "beat").missing_keys == before + 1);
    assert_eq!(in_force(&mut admin, "beat_strict").missing_keys, 0);
    drop(guard);
}

/// In a process of its own: here other tests have read and published the flag.
#[test]
fn a_default_is_not_made_before_somebody_reads_it() {
    let Ok(url) = std::env::var("TEST_MADE_URL") else {
        let server = RedisServer::start();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "a_default_is_not_made_before_somebody_reads_it"]).env("TEST_MADE_URL", server.url());
        assert!(command.status().unwrap().success());
        assert_eq!(server.cli(&["ZRANGE", "ff-meta:seen", "0", "-1"]), "beat_made");
        return;
    };
    let source = RedisSource::new(&url).unwrap();
    let guard = builder().source(source).report_interval(Duration::from_millis(100)).start().unwrap();
    let mut admin = Admin::connect(&url, "ff:").unwrap();
    assert_soon(|| heartbeat(&mut admin).is_some());
    assert_eq!(TIMES_MADE.load(Ordering::SeqCst), 0);
    assert_eq!(flag!(BEAT_MADE), 5);
    assert_soon(|| !admin.seen().unwrap().is_empty());
    // Armed again, and read again: it goes by what was made.
    assert_eq!((flag!(BEAT_MADE), TIMES_MADE.load(Ordering::SeqCst)), (5, 1));
    drop(guard);
}

#[test]
fn without_heartbeats_nothing_is_told_and_no_read_is_noticed() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let source = RedisSource::new(&server.url()).unwrap();
    let interval = Duration::from_millis(100);
    let guard = builder().source(source).heartbeats(false).report_interval(interval).start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    assert_eq!(Experiment::new(&BEAT).run(|| 1, || 1), 1);
    server.cli(&["SET", "ff:beat", ON]);
    assert_soon(|| flag!(BEAT));
    assert_eq!(Experiment::new(&BEAT).run(|| 1, || 1), 1);
    assert_soon(|| !keys(&server, "ff-shadow:*").is_empty());
    drop(guard);
    assert_eq!(keys(&server, "ff-meta*"), [""; 0]);
}

#[test]
fn who_may_leave_dark_launch_results_only_leaves_those_and_is_told_once_of_the_rest() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    server.cli(&["SET", "ff:beat", ON]);
    let words = "ACL SETUSER part on >pw resetkeys %R~ff:* ~ff-shadow:* -@all +hello +ping +mget +client|tracking +set +zadd \
                 +zremrangebyscore +expire";
    server.cli(&words.split_whitespace().collect::<Vec<_>>());
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let listener = move |event: &flags_runtime::Event| heard.lock().unwrap().push(event.to_string());
    let source = RedisSource::new(&server.url_as("part", "pw")).unwrap();
    let guard =
        builder().source(source).report_interval(Duration::from_millis(100)).on_event(listener).start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    let not_reported =
        || told.lock().unwrap().iter().filter(|event| event.contains("not reported")).cloned().collect::<Vec<_>>();
    assert_soon(|| !not_reported().is_empty());
    assert_eq!(Experiment::new(&BEAT).run(|| 1, || 1), 1);
    assert_soon(|| !keys(&server, "ff-shadow:beat:*").is_empty());
    drop(guard);
    assert!(not_reported()[0].contains("does not let this user run ZADD"), "{:?}", not_reported());
    assert_eq!(not_reported().len(), 1, "{:?}", not_reported());
    assert_eq!(keys(&server, "ff-meta*"), [""; 0]);
}

#[test]
fn a_process_that_holds_what_vanished_says_so() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut admin = admin(&server);
    for name in ["beat", "Beat Size"] {
        server.cli(&["SET", &format!("ff:{name}"), &format!(r#"{{"name":"{name}","enabled":true,"value":1}}"#)]);
    }
    let _guard = start(&server.url());
    assert_soon(|| heartbeat(&mut admin).is_some_and(|told| told.flags["beat"].sha.is_some()));
    // The heartbeat goes with the rest, and comes again with the news.
    server.cli(&["FLUSHALL"]);
    assert_soon(|| {
        heartbeat(&mut admin).is_some_and(|told| told.flags["beat"].is_held && told.flags["Beat Size"].is_held)
    });
    assert_eq!(admin.spread("beat", None).unwrap().processes[0].1, Stand::NotYet);
    server.cli(&["SET", "ff:beat", ON]);
    assert_soon(|| heartbeat(&mut admin).is_some_and(|told| !told.flags["beat"].is_held));
}

#[test]
fn a_process_whose_outage_takes_a_flag_to_its_default_does_not_say_that_it_has_the_document() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "reporter", "on", ">pw", "~*", "&*", "+@all"]);
    server.cli(&["SET", "ff:beat_strict", r#"{"name":"beat_strict","enabled":true,"value":9}"#]);
    let mut admin = admin(&server);
    let guard = start(&server.url_as("reporter", "pw"));
    let stand =
        |admin: &mut Admin| admin.spread("beat_strict", None).unwrap().processes.first().map(|(_, stand)| *stand);
    assert_soon(|| stand(&mut admin) == Some(Stand::Applied));
    // It may read no documents any more, but still tells of itself.
    server.cli(&["ACL", "SETUSER", "reporter", "-mget"]);
    server.cli(&["CLIENT", "KILL", "USER", "reporter"]);
    assert_soon(|| flag!(BEAT_STRICT) == 7);
    assert_soon(|| in_force(&mut admin, "beat_strict").is_outage);
    assert_eq!((stand(&mut admin), flag!(BEAT_STRICT)), (Some(Stand::NotYet), 7));
    assert!(!in_force(&mut admin, "beat").is_outage);
    server.cli(&["ACL", "SETUSER", "reporter", "+mget"]);
    // A right that is missing is asked for again every ten seconds.
    let is_back = || stand(&mut admin) == Some(Stand::Applied) && flag!(BEAT_STRICT) == 9;
    assert!(eventually(Duration::from_secs(60), is_back), "{:?}", status());
    drop(guard);
}

#[test]
fn the_reporters_least_rights_are_enough() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let rules = Role::Reporter.rules(&Prefix::default(), None);
    let words = ["ACL", "SETUSER", "reporter", "reset", "on", ">pw"].into_iter();
    server.cli(&words.chain(rules.iter().map(String::as_str)).collect::<Vec<_>>());
    let words = "ACL SETUSER looker on >pw resetkeys %R~ff:* %R~ff-meta:* -@all +hello +get +mget +zrange";
    server.cli(&words.split_whitespace().collect::<Vec<_>>());
    let mut admin = Admin::connect(&server.url_as("looker", "pw"), "ff:").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let listener = move |event: &flags_runtime::Event| heard.lock().unwrap().push(event.to_string());
    let source = RedisSource::new(&server.url_as("reporter", "pw")).unwrap();
    let guard = builder().source(source).on_event(listener).start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    assert!(!flag!(BEAT));
    assert_soon(|| heartbeat(&mut admin).is_some() && !admin.builds(1).unwrap().items.is_empty());
    drop(guard);
    assert_eq!(admin.seen().unwrap()[0].0, "beat");
    assert!(admin.spread("beat", None).unwrap().processes.is_empty());
    let told = told.lock().unwrap();
    assert!(!told.iter().any(|event| event.contains("not reported")), "{told:?}");
}

#[test]
fn a_key_of_another_type_is_named_and_keeps_back_no_heartbeat() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    server.cli(&["SET", "ff-meta:builds", "of somebody else"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let listener = move |event: &flags_runtime::Event| heard.lock().unwrap().push(event.to_string());
    let source = RedisSource::new(&server.url()).unwrap();
    let guard = builder().source(source).on_event(listener).start().unwrap();
    assert_soon(|| told.lock().unwrap().iter().any(|event| event.contains("`ff-meta:builds` holds another type")));
    assert_soon(|| !keys(&server, "ff-meta:instance:*").is_empty());
    let error = admin(&server).builds(1).unwrap_err().to_string();
    assert!(error.contains("ff-meta:builds"), "{error}");
    drop(guard);
}

#[test]
fn a_server_that_lost_everything_is_told_again() {
    let _turn = Turn::take();
    let mut server = RedisServer::start();
    let guard = start(&server.url());
    assert_soon(|| !keys(&server, "ff-meta:instance:*").is_empty());
    server.kill();
    server.restart();
    // Sooner than a minute after the first one: because contact is back.
    assert_soon(|| !keys(&server, "ff-meta:instance:*").is_empty());
    drop(guard);
}

#[test]
fn a_service_has_a_name_that_can_be_shown() {
    let _turn = Turn::take();
    for wrong in ["", "  ", "a\nb", &"x".repeat(129)] {
        let error = builder().service(wrong).start().unwrap_err();
        assert!(matches!(&error, StartError::Configuration { setting: "service", .. }), "{error}");
    }
    drop(builder().service("x".repeat(128)).start().unwrap());
}

#[test]
fn servers_that_cannot_keep_the_later_time_and_those_without_resp3_are_served_too() {
    // HELLO; ZADD GT, refused as before Redis 6.2; ZADD; what is old goes; the whole list goes one day.
    let scripted = Scripted::start(&[HELLO_3, "-ERR syntax error\r\n", ":1\r\n", ":0\r\n", ":1\r\n", ":1\r\n"]);
    let mut outbox = RedisSource::new(scripted.url()).unwrap().outbox().unwrap();
    outbox.leave(&Letter::Seen { flags: &[("a", 1)] }).unwrap();
    assert_eq!(scripted.heard(), 5);
    let server = RedisServer::with_config(&["rename-command HELLO \"\""]);
    let mut outbox = RedisSource::new(&server.url()).unwrap().outbox().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    outbox.leave(&Letter::Seen { flags: &[("a", now - 5), ("b", now)] }).unwrap();
    outbox.leave(&Letter::Seen { flags: &[("b", now - 9)] }).unwrap();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(admin(&server).seen().unwrap(), [("a".to_owned(), at(now - 5)), ("b".to_owned(), at(now))]);
}
