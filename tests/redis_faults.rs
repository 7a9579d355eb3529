//! Faults of server and network, each against a real server, the whole way up to typed flags.
//!
//! The same is asked in each: reads go on and answer what they answered, `status()` tells the truth with the age of the
//! data, contact comes back without help, no update is missed, and no thread or connection is left over.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flags_runtime::source::Mode;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{EvaluationContext, Flag, SourceState, SourceStatus, builder, feature_flag, flag, status};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;
use flags_workspace_tests::wire::{Proxy, Weather};

/// Half of the users.
#[feature_flag(name = "checkout", default = false, expires = "2099-01-01")]
static CHECKOUT: Flag<bool>;
/// Counts the updates.
#[feature_flag(name = "update", default = 0, expires = "2099-01-01")]
static UPDATE: Flag<u64>;

const SOON: Duration = Duration::from_secs(20);

/// A running client of a server, whose reads are watched all the while.
struct Watched {
    guard: Option<flags_runtime::Guard>,
    events: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    reader: Option<thread::JoinHandle<()>>,
    threads: usize,
    _turn: Turn,
}

fn document(name: &str, rest: &str) -> String {
    format!(r#"{{"name":"{name}","enabled":true,{rest}}}"#)
}

fn write(server: &RedisServer, update: u64) {
    server.cli(&["SET", "ff:update", &document("update", &format!(r#""value":{update}"#))]);
}

fn write_all(server: &RedisServer, update: u64) {
    server.cli(&["SET", "ff:checkout", &document("checkout", r#""rollout_percentage":50"#)]);
    write(server, update);
}

fn source() -> SourceStatus {
    status().source.unwrap()
}

/// Waits for an error that says this.
fn last_error(part: &str) -> String {
    let says_so = || source().last_error.is_some_and(|error| error.contains(part));
    assert!(eventually(SOON, says_so), "{:?}", source());
    source().last_error.unwrap()
}

/// The threads of ours that this process has.
fn threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = names.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("flags-")).count()
}

impl Watched {
    /// Starts to follow, and to read in a thread which fails if any user gets another answer than the percentage says.
    fn start(url: &str) -> Self {
        let turn = Turn::take();
        assert!(eventually(SOON, || threads() == 0), "threads of another test are left");
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let guard = builder()
            .source(RedisSource::new(url).unwrap())
            .on_event(move |event| heard.lock().unwrap().push(event.to_string()))
            .start()
            .unwrap();
        guard.wait_ready(SOON).unwrap();
        let (is_over, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (over, count) = (Arc::clone(&is_over), Arc::clone(&reads));
        let reader = thread::spawn(move || {
            let users: Vec<_> = (0..200).map(|n| format!("u{n}")).collect();
            let mut last = 0;
            while !over.load(Ordering::Relaxed) {
                for user in &users {
                    let expected = flags_runtime::bucket("checkout", user) < 50.0;
                    assert_eq!(flag!(CHECKOUT, &EvaluationContext::new(&**user)), expected, "{user}");
                }
                let update = flag!(UPDATE);
                assert!(update >= last, "from {last} back to {update}");
                last = update;
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let mut watched =
            Self { guard: Some(guard), events, is_over, reads, reader: Some(reader), threads: 0, _turn: turn };
        // A thread has its name once it runs: that of the source, and that of the reporter.
        assert!(eventually(SOON, || threads() >= 2), "{} threads", threads());
        watched.threads = threads();
        watched
    }

    /// Asserts that the loss is told, with an age that grows, while reads go on.
    fn loses_contact(&self) {
        assert!(eventually(SOON, || source().state == SourceState::Lost), "{:?}\n{}", status(), self.told());
        let (before, reads) = (source().age.unwrap(), self.reads.load(Ordering::Relaxed));
        assert!(eventually(SOON, || self.reads.load(Ordering::Relaxed) > reads + 20), "readers wait");
        let lost = source();
        if lost.state == SourceState::Lost {
            assert!(lost.age.unwrap() > before);
        }
        assert!(lost.last_error.is_some());
    }

    /// Asserts that contact comes back without help, and that updates arrive from then on.
    fn finds_back(&self, server: &RedisServer, update: u64) {
        assert!(eventually(SOON, || source().state == SourceState::Live), "{:?}\n{}", status(), self.told());
        self.hears(server, update);
    }

    fn hears(&self, server: &RedisServer, update: u64) {
        write(server, update);
        assert!(eventually(SOON, || flag!(UPDATE) == update), "{:?}\n{}", status(), self.told());
    }

    fn told(&self) -> String {
        self.events.lock().unwrap().join("\n")
    }

    /// Asserts that the reader was right all the while and that nothing is left over.
    fn end(mut self, server: &RedisServer) {
        self.is_over.store(true, Ordering::Relaxed);
        self.reader.take().unwrap().join().expect("a read changed wrongly");
        assert!(eventually(SOON, || threads() == self.threads), "{} threads instead of {}", threads(), self.threads);
        drop(self.guard.take());
        assert!(eventually(SOON, || threads() == 0), "{} threads are left", threads());
        let connections = || server.cli(&["CLIENT", "LIST"]).matches("name=flags-runtime").count();
        assert!(eventually(SOON, || connections() == 0), "{} connections are left", connections());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Also where the test has failed: the next one begins from other answers.
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.reader.take().map(thread::JoinHandle::join));
    }
}

#[test]
fn kill_and_restart_with_the_data() {
    let mut server = RedisServer::with_config(&["appendonly yes", "appendfsync always"]);
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    server.kill();
    watched.loses_contact();
    server.restart();
    watched.finds_back(&server, 2);
    watched.end(&server);
}

#[test]
fn a_quiet_connection_that_lives_is_no_old_data() {
    let server = RedisServer::start();
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    // Nothing is read for longer than that: the next refresh is half a minute away, or a quarter.
    let commands = || server.cli(&["INFO", "commandstats"]).matches("cmdstat_ping:calls=3").count() == 1;
    assert!(eventually(SOON, commands));
    assert!(source().age.unwrap() < Duration::from_secs(5), "{:?}", source());
    watched.end(&server);
}

#[test]
fn a_server_that_hangs_for_ten_seconds() {
    let server = RedisServer::start();
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    server.stop_process();
    watched.loses_contact();
    // The length is the fault: longer than every timeout, so that each of them has come.
    thread::sleep(Duration::from_secs(10));
    assert!(source().age.unwrap() > Duration::from_secs(9));
    server.continue_process();
    watched.finds_back(&server, 2);
    watched.end(&server);
}

#[test]
fn a_cable_that_is_pulled_and_a_link_that_drips() {
    for weather in [Weather::Blackhole, Weather::Drip] {
        let server = RedisServer::start();
        write_all(&server, 1);
        let proxy = Proxy::in_front_of(server.port());
        let watched = Watched::start(proxy.url());
        proxy.turn(weather);
        // Written while nobody hears it.
        write(&server, 2);
        watched.loses_contact();
        proxy.turn(Weather::Fair);
        assert!(eventually(SOON, || flag!(UPDATE) == 2), "the update is missed: {:?}", status());
        watched.finds_back(&server, 3);
        proxy.cut();
        watched.end(&server);
    }
}

#[test]
fn connections_that_the_server_ends() {
    let server = RedisServer::start();
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    for (losses, update) in (2..6).enumerate() {
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert!(eventually(SOON, || watched.told().matches("back, everything read again").count() == losses + 1));
        watched.hears(&server, update);
    }
    watched.end(&server);
}

#[test]
fn a_server_without_room_for_another_client() {
    let server = RedisServer::with_config(&["maxclients 8"]);
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    let connect = || std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    let mut crowd = Vec::new();
    // As soon as ours is out for a moment there is no room left.
    let is_out = || {
        crowd.extend((0..8).map(|_| connect()));
        source().state == SourceState::Lost
            && source().last_error.is_some_and(|error| error.contains("max number") || error.contains("closed"))
    };
    assert!(eventually(SOON, is_out), "{:?}", status());
    watched.loses_contact();
    drop(crowd);
    watched.finds_back(&server, 2);
    watched.end(&server);
}

#[test]
fn a_password_that_is_changed_under_us_and_changed_back() {
    let server = RedisServer::start();
    let acl = |password: &str| {
        server.cli(&["ACL", "SETUSER", "service", "reset", "on", &format!(">{password}"), "~*", "&*", "+@all"]);
        server.cli(&["CLIENT", "KILL", "USER", "service"]);
    };
    acl("right");
    write_all(&server, 1);
    let watched = Watched::start(&server.url_as("service", "right"));
    acl("other");
    watched.loses_contact();
    let error = last_error("refuses the login of user `service`");
    assert!(!error.contains("right"), "{error}");
    // Said once, however often it is tried.
    assert!(eventually(SOON, || watched.reads.load(Ordering::Relaxed) > 100));
    assert_eq!(watched.told().matches("refuses the login").count(), 1, "{}", watched.told());
    acl("right");
    watched.finds_back(&server, 2);
    watched.end(&server);
}

#[test]
fn rights_that_are_taken_away_one_after_the_other() {
    let server = RedisServer::start();
    let rules = "resetkeys %R~ff:* -@all +hello +ping +mget";
    let set = |more: &str| {
        let words = ["ACL", "SETUSER", "service", "reset", "on", ">pw"].into_iter().chain(rules.split(' '));
        server.cli(&words.chain(more.split(' ')).collect::<Vec<_>>());
        server.cli(&["CLIENT", "KILL", "USER", "service"]);
    };
    set("+client|tracking");
    write_all(&server, 1);
    let watched = Watched::start(&server.url_as("service", "pw"));
    assert_eq!(source().mode, Some(Mode::Push));
    // No pushes: it goes on by polling, and says why.
    set("-client|tracking");
    assert!(eventually(SOON, || source().mode == Some(Mode::Polling)), "{:?}", status());
    assert!(source().polling_reason.unwrap().contains("CLIENT TRACKING was refused"));
    watched.finds_back(&server, 2);
    // No documents either.
    set("-mget");
    watched.loses_contact();
    last_error("does not let this user run MGET");
    set("+client|tracking");
    assert!(eventually(SOON, || source().mode == Some(Mode::Push)), "{:?}", status());
    watched.finds_back(&server, 3);
    watched.end(&server);
}

#[test]
fn something_else_than_a_document_at_a_key() {
    let server = RedisServer::start();
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    server.cli(&["RPUSH", "other", "1"]);
    server.cli(&["RENAME", "other", "ff:checkout"]);
    let is_named = || status().refused.iter().any(|refused| refused.flag == "checkout");
    assert!(eventually(SOON, is_named), "{:?}", status());
    assert!(status().refused[0].error.to_string().contains("another type"), "{:?}", status().refused);
    assert_eq!(status().missing, [] as [&str; 0]);
    watched.hears(&server, 2);
    server.cli(&["SET", "ff:checkout", &document("checkout", r#""rollout_percentage":50"#)]);
    assert!(eventually(SOON, || status().refused.is_empty()), "{:?}", status());
    watched.end(&server);
}

#[test]
fn a_document_of_fifty_megabytes() {
    let server = RedisServer::start();
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    server.cli(&["SETRANGE", "ff:checkout", &(50 * 1024 * 1024).to_string(), "x"]);
    assert!(eventually(SOON, || status().refused.iter().any(|refused| refused.flag == "checkout")));
    watched.hears(&server, 2);
    assert_eq!(source().state, SourceState::Live);
    watched.end(&server);
}

#[test]
fn a_server_without_resp3_is_polled() {
    let server = RedisServer::with_config(&["rename-command HELLO \"\""]);
    write_all(&server, 1);
    let watched = Watched::start(&server.url());
    assert_eq!(source().mode, Some(Mode::Polling));
    watched.hears(&server, 2);
    watched.end(&server);
}

#[test]
fn databases_that_are_swapped_are_seen_at_the_next_refresh() {
    let server = RedisServer::start();
    let _turn = Turn::take();
    write_all(&server, 1);
    let source = RedisSource::new(&server.url()).unwrap();
    let guard = builder().source(source).refresh(Duration::from_millis(500)).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    server.cli(&["-n", "1", "SET", "ff:update", &document("update", r#""value":7"#)]);
    server.cli(&["-n", "1", "SET", "ff:checkout", &document("checkout", r#""rollout_percentage":50"#)]);
    server.cli(&["SWAPDB", "0", "1"]);
    assert!(eventually(SOON, || flag!(UPDATE) == 7), "{:?}", status());
}
