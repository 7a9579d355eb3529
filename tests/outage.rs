//! What is answered when the source is lost, comes back empty, or is down at the start: holds, limits and snapshots.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::{Change, Mode, Source, SourceError};
use flags_runtime::{
    ErrorCode, Event, Flag, Guard, Readiness, Reason, SourceState, SourceStatus, builder, feature_flag, flag, status,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;

#[feature_flag(name = "patient", default = 0, expires = "2099-01-01")]
static PATIENT: Flag<u64>;
/// Answers its default once the source has been away for a while.
#[feature_flag(name = "strict", default = 0, expires = "2099-01-01", on_outage = default(after = "400ms"))]
static STRICT: Flag<u64>;
#[feature_flag(name = "switch", default = false, expires = "2099-01-01", on_outage = default(after = "400ms"))]
static SWITCH: Flag<bool>;

const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(3600);

#[track_caller]
fn assert_soon(condition: impl FnMut() -> bool) {
    assert!(eventually(SOON, condition), "{:?}", status());
}

fn set(server: &RedisServer, name: &str, value: u64) {
    server.cli(&["SET", &format!("ff:{name}"), &format!(r#"{{"name":"{name}","enabled":true,"value":{value}}}"#)]);
}

fn set_all(server: &RedisServer, value: u64) {
    for name in ["patient", "strict", "switch"] {
        set(server, name, value);
    }
}

fn values() -> (u64, u64, bool) {
    (flag!(PATIENT), flag!(STRICT), flag!(SWITCH))
}

fn source() -> SourceStatus {
    status().source.unwrap()
}

/// A start with a listener, and what that heard.
struct Run {
    guard: Guard,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Run {
    fn start(url: &str, settings: impl FnOnce(flags_runtime::Builder) -> flags_runtime::Builder) -> Self {
        let run = Self::begin(RedisSource::new(url).unwrap(), settings);
        run.guard.wait_ready(SOON).unwrap();
        run
    }

    fn begin(source: impl Source, settings: impl FnOnce(flags_runtime::Builder) -> flags_runtime::Builder) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let builder = builder().source(source).on_event(move |event| heard.lock().unwrap().push(event.clone()));
        Self { guard: settings(builder).start().unwrap(), events }
    }

    fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events.lock().unwrap().iter().filter(|event| is_it(event)).count()
    }

    fn told(&self) -> String {
        self.events.lock().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

// ---- everything vanishes at once

#[test]
fn a_flushed_server_is_held_and_obeyed_when_the_grace_ends() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    set_all(&server, 1);
    let grace = Duration::from_secs(2);
    let run = Run::start(&server.url(), |builder| builder.empty_grace(grace));
    let flushed = Instant::now();
    server.cli(&["FLUSHALL"]);
    assert_soon(|| source().held == ["patient", "strict", "switch"]);
    assert!(source().held_for.unwrap() <= grace);
    assert_eq!(values(), (1, 1, true));
    assert_soon(|| run.count(|event| matches!(event, Event::Held { .. })) == 1);
    assert_soon(|| values() == (0, 0, false));
    assert!(flushed.elapsed() >= grace, "obeyed after {:?}", flushed.elapsed());
    assert_soon(|| source().held.is_empty() && source().held_for.is_none());
}

#[test]
fn documents_that_come_back_are_obeyed_at_once_and_one_deletion_always_is() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    set_all(&server, 1);
    let run = Run::start(&server.url(), |builder| builder.empty_grace(LONG));
    server.cli(&["DEL", "ff:patient"]);
    assert_soon(|| values() == (0, 1, true));
    set(&server, "patient", 1);
    assert_soon(|| values() == (1, 1, true));
    server.cli(&["FLUSHALL"]);
    assert_soon(|| source().held.len() == 3);
    set(&server, "patient", 2);
    assert_soon(|| values() == (2, 1, true) && source().held == ["strict", "switch"]);
    server.cli(&["DEL", "ff:patient"]);
    assert_soon(|| values() == (0, 1, true));
    assert_eq!(run.count(|event| matches!(event, Event::Held { .. })), 1, "{}", run.told());
}

#[test]
fn a_server_that_comes_back_empty_is_held_and_one_that_does_not_is_not() {
    let _turn = Turn::take();
    let mut server = RedisServer::start();
    set_all(&server, 1);
    let _run = Run::start(&server.url(), |builder| builder.empty_grace(LONG));
    server.kill();
    assert_soon(|| source().state == SourceState::Lost);
    server.restart();
    assert_soon(|| source().state == SourceState::Live && source().held.len() == 3);
    // `strict` had its default while the server was away; it is back, so its last good document counts again.
    assert_soon(|| values() == (1, 1, true));
    set_all(&server, 2);
    assert_soon(|| values() == (2, 2, true) && source().held.is_empty());
}

#[test]
fn without_grace_an_empty_server_is_obeyed_at_once() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    set_all(&server, 1);
    let run = Run::start(&server.url(), |builder| builder.empty_grace(Duration::ZERO));
    server.cli(&["FLUSHALL"]);
    assert_soon(|| values() == (0, 0, false));
    assert_eq!(run.count(|event| matches!(event, Event::Held { .. })), 0, "{}", run.told());
}

// ---- the source is away

#[test]
fn a_limit_is_kept_on_time_and_ends_with_the_outage() {
    let _turn = Turn::take();
    let mut server = RedisServer::with_config(&["appendonly yes", "appendfsync always"]);
    set_all(&server, 1);
    let run = Run::start(&server.url(), |builder| builder.stale_after(Duration::from_millis(600)));
    server.kill();
    assert_soon(|| values() == (1, 0, false));
    let details = flag!(STRICT, details);
    assert_eq!((details.reason, details.error_code), (Reason::Default, Some(ErrorCode::ProviderNotReady)));
    let steps = flag!(STRICT, &flags_runtime::EvaluationContext::new("u"), explain).to_string();
    assert!(steps.contains("`on_outage`"), "{steps}");
    assert_eq!(flag!(PATIENT, details).error_code, None);
    assert_eq!(status().outage, ["strict", "switch"]);
    assert_soon(|| run.count(|event| matches!(event, Event::Stale { .. })) == 1);
    assert!(source().age.unwrap() >= Duration::from_millis(600));
    server.restart();
    // The documents are the same as before, and count again.
    assert_soon(|| values() == (1, 1, true));
    assert_eq!(status().outage, [] as [&str; 0]);
    assert_eq!(flag!(STRICT, details).error_code, None);
    assert_soon(|| run.count(|event| matches!(event, Event::Recovered { .. })) == 1);
    assert_eq!(run.count(|event| matches!(event, Event::Outage { .. })), 1, "{}", run.told());
    assert_eq!(run.count(|event| matches!(event, Event::Stale { .. })), 1, "{}", run.told());
    server.kill();
    assert_soon(|| run.count(|event| matches!(event, Event::Stale { .. })) == 2);
}

/// A source that only a person can mend: it is asked again slowly.
struct Misconfigured {
    was_asked: bool,
    waits: u32,
}

impl Source for Misconfigured {
    fn describe(&self) -> String {
        "misconfigured".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        if std::mem::replace(&mut self.was_asked, true) {
            return Err(SourceError::configuration("a wrong password"));
        }
        Ok(keys.iter().map(|_| Some(br#"{"enabled":true,"value":1}"#.to_vec())).collect())
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        self.waits += 1;
        if self.waits > 4 {
            return Err(SourceError::unreachable("gone"));
        }
        std::thread::sleep(timeout);
        Ok(Change::Nothing)
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }
}

#[test]
fn a_limit_is_kept_also_while_the_source_is_not_asked() {
    let _turn = Turn::take();
    let run = Run::begin(Misconfigured { was_asked: false, waits: 0 }, |builder| builder);
    run.guard.wait_ready(SOON).unwrap();
    assert_soon(|| run.count(|event| matches!(event, Event::Lost { error, .. } if error.contains("password"))) == 1);
    // The next attempt is ten seconds away.
    assert_soon(|| values() == (1, 0, false));
    assert!(source().age.unwrap() < Duration::from_secs(8), "only after the next attempt: {:?}", source());
}

/// A source in which one key cannot be asked for any more after the first read.
struct Half(bool);

impl Source for Half {
    fn describe(&self) -> String {
        "half".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        let value = if self.0 { 2 } else { 1 };
        let document = || format!(r#"{{"enabled":true,"value":{value}}}"#).into_bytes();
        Ok(keys.iter().map(|key| (!self.0 || *key != "patient").then(document)).collect())
    }

    fn unreached(&self) -> Vec<String> {
        if self.0 { vec!["patient".to_owned()] } else { Vec::new() }
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        std::thread::sleep(timeout);
        let is_first = !std::mem::replace(&mut self.0, true);
        Ok(if is_first { Change::Everything } else { Change::Nothing })
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }
}

#[test]
fn what_cannot_be_asked_stays_as_it_is_while_the_rest_goes_on() {
    let _turn = Turn::take();
    let _run = Run::begin(Half(false), |builder| builder);
    assert_soon(|| values() == (1, 2, true));
    assert_eq!(status().good, ["patient", "strict", "switch"]);
}

#[test]
fn the_override_file_stands_above_an_outage() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.json");
    fs::write(&path, r#"{"strict":{"enabled":true,"value":7}}"#).unwrap();
    let mut server = RedisServer::start();
    set_all(&server, 1);
    let _run = Run::start(&server.url(), |builder| builder.override_file(&path));
    assert_soon(|| values() == (1, 7, true));
    server.kill();
    assert_soon(|| values() == (1, 7, false));
}

// ---- down at the start

fn snapshot_is(path: &Path, part: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(part))
}

#[test]
fn a_start_during_an_outage_keeps_yesterdays_decisions() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let mut server = RedisServer::start();
    set_all(&server, 1);
    let run = Run::start(&server.url(), |builder| builder.snapshot(&path));
    assert_soon(|| snapshot_is(&path, r#"value\":1"#));
    set(&server, "patient", 2);
    assert_soon(|| values().0 == 2);
    // What is refused leaves the last good document in the snapshot too.
    server.cli(&["SET", "ff:strict", "no document"]);
    assert_soon(|| !status().refused.is_empty());
    drop(run);
    assert!(snapshot_is(&path, r#"value\":2"#), "the last change is not written at the end");

    server.kill();
    // Whatever was in force before is forgotten, as in another process.
    drop(builder().start().unwrap());
    assert_eq!(values(), (0, 0, false));
    let run = Run::begin(RedisSource::new(&server.url()).unwrap(), |builder| builder.snapshot(&path));
    assert_eq!(values().0, 2, "before the first contact");
    assert_eq!(run.guard.wait_ready(SOON), Ok(Readiness::Snapshot));
    assert!(source().snapshot_age.is_some() && source().age.is_none(), "{:?}", source());
    assert_soon(|| values() == (2, 0, false));
    server.restart();
    set_all(&server, 3);
    assert_soon(|| values() == (3, 3, true));
    assert_eq!(run.guard.wait_ready(SOON), Ok(Readiness::Live));
    assert_eq!(source().snapshot_age, None);
}

#[test]
fn a_snapshot_that_is_older_than_a_limit_does_not_count_for_that_flag() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let mut server = RedisServer::start();
    set_all(&server, 1);
    drop(Run::start(&server.url(), |builder| builder.snapshot(&path)));
    server.kill();
    drop(builder().start().unwrap());
    let age = || fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap_or_default();
    assert_soon(|| age() > Duration::from_millis(500));
    let run = Run::begin(RedisSource::new(&server.url()).unwrap(), |builder| builder.snapshot(&path));
    assert_eq!(values(), (1, 0, false), "before the first contact");
    assert_eq!(
        run.count(|event| matches!(event, Event::Outage { flags, .. } if flags.len() == 2)),
        1,
        "{}",
        run.told()
    );
    drop(run);
    // Another start in the same outage does not end it.
    let _run = Run::begin(RedisSource::new(&server.url()).unwrap(), |builder| builder);
    assert_soon(|| source().state == SourceState::Lost);
    assert_eq!(values(), (1, 0, false));
}

#[test]
fn documents_of_a_snapshot_are_known_ones_when_the_server_is_empty() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let server = RedisServer::start();
    set_all(&server, 1);
    drop(Run::start(&server.url(), |builder| builder.snapshot(&path)));
    server.cli(&["FLUSHALL"]);
    drop(builder().start().unwrap());
    let _run = Run::start(&server.url(), |builder| builder.snapshot(&path).empty_grace(LONG));
    assert_eq!(source().held.len(), 3, "{:?}", source());
    assert_eq!(values(), (1, 1, true));
}

#[test]
fn a_snapshot_that_cannot_be_used_is_told_and_harmless() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let server = RedisServer::start();
    set_all(&server, 1);
    drop(Run::start(&server.url(), |builder| builder.snapshot(&path)));
    let whole = fs::read(&path).unwrap();
    let other = RedisServer::start();
    for (content, url, part) in [
        (&whole[..whole.len() - 1], server.url(), "is torn"),
        (b"precious", server.url(), "is no snapshot"),
        (&whole[..], other.url(), "is of another source"),
        (&whole[..], format!("{}/1", server.url()), "is of another source"),
    ] {
        fs::write(&path, content).unwrap();
        drop(builder().start().unwrap());
        let run = Run::begin(RedisSource::new(&url).unwrap(), |builder| builder.snapshot(&path));
        assert_eq!(run.count(|event| matches!(event, Event::SnapshotNotUsed { .. })), 1, "{part}: {}", run.told());
        assert!(run.told().contains(part), "{part}: {}", run.told());
        assert!(run.guard.wait_ready(SOON).is_ok());
    }
    // What is no snapshot is left alone, and told once.
    fs::write(&path, "precious").unwrap();
    let run = Run::start(&server.url(), |builder| builder.snapshot(&path));
    assert_soon(|| run.told().contains("left alone"));
    set(&server, "patient", 2);
    assert_soon(|| values().0 == 2);
    drop(run);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_place_that_cannot_be_written_is_told_once_and_delays_nothing() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    set_all(&server, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/snapshot");
    let run = Run::start(&server.url(), |builder| builder.snapshot(&path));
    for value in 2..5 {
        set(&server, "patient", value);
        assert_soon(|| values().0 == value);
    }
    assert_soon(|| run.count(|event| matches!(event, Event::SnapshotNotWritten { .. })) == 1);
    let stopping = Instant::now();
    drop(run);
    assert!(stopping.elapsed() < Duration::from_secs(3), "{:?}", stopping.elapsed());
}
