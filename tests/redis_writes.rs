//! Writes from Rust: typed, seen by one's own next read, none lost among many writers, a trail without gaps of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AdminError, AuditNote, Existing, Names, NewDocument};
use flags_runtime::writer::{Applied, FlagWriter};
use flags_runtime::{
    EvaluationContext, Flag, FlagValue, Guard, Json, RequestScope, builder, context, feature_flag, flag,
};
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::turn::Turn;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Limits {
    max_items: u32,
}

#[feature_flag(name = "checkout", default = false, expires = "2099-01-01")]
static CHECKOUT: Flag<bool>;
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "page_size", default = 20, expires = "2099-01-01", key = "Page Size")]
static PAGE_SIZE: Flag<u32>;
#[feature_flag(name = "ratio", default = 0.5, expires = "2099-01-01")]
static RATIO: Flag<f64>;
#[feature_flag(name = "banner", default = "Welcome", expires = "2099-01-01")]
static BANNER: Flag<String>;
#[feature_flag(name = "limits", default = Limits { max_items: 5 }, expires = "2099-01-01")]
static LIMITS: Flag<Json<Limits>>;

const SOON: Duration = Duration::from_secs(10);

fn note() -> AuditNote {
    AuditNote::new("ada").why("a test")
}

fn writer(server: &RedisServer) -> FlagWriter {
    FlagWriter::new(Admin::connect(&server.url(), "ff:").unwrap(), note())
}

fn followed(server: &RedisServer) -> Guard {
    let guard = builder().source(RedisSource::new(&server.url()).unwrap()).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    guard
}

#[test]
fn what_is_written_is_what_is_read_next() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let _guard = followed(&server);
    let mut writer = writer(&server);
    for size in 1..50 {
        let written = writer.set(&PAGE_SIZE, size).unwrap();
        assert_eq!((written.applied, flag!(PAGE_SIZE)), (Applied::Here, size));
    }
    writer.set(&PRICING, Pricing::VariantA).unwrap();
    assert_eq!(flag!(PRICING), Pricing::VariantA);
    writer.set(&RATIO, 0.1).unwrap();
    assert!((flag!(RATIO) - 0.1).abs() < f64::EPSILON);
    writer.set(&BANNER, "ü \"quoted\"").unwrap();
    assert_eq!(&*flag!(BANNER), "ü \"quoted\"");
    writer.set(&LIMITS, &Limits { max_items: 7 }).unwrap();
    assert_eq!(flag!(LIMITS).max_items, 7);
    writer.set(&CHECKOUT, true).unwrap();
    assert!(flag!(CHECKOUT));
    writer.set(&CHECKOUT, false).unwrap();
    assert!(!flag!(CHECKOUT));
    writer.enable(&CHECKOUT).unwrap();
    writer.rollout(&CHECKOUT, 0.0).unwrap();
    let user = EvaluationContext::new("u1");
    assert!(!flag!(CHECKOUT, &user));
    let names = Names { users: vec!["u1".to_owned()], groups: Vec::new() };
    writer.allow(&CHECKOUT, &names).unwrap();
    assert!(flag!(CHECKOUT, &user));
    writer.deny(&CHECKOUT, &names).unwrap();
    assert!(!flag!(CHECKOUT, &user));
    writer.rollback(&CHECKOUT).unwrap();
    assert!(flag!(CHECKOUT, &user));
    writer.disable(&CHECKOUT).unwrap();
    assert!(!flag!(CHECKOUT, &user));
    let written = writer.delete(&PAGE_SIZE).unwrap();
    assert_eq!((written.applied, written.document(), flag!(PAGE_SIZE)), (Applied::Here, None, 20));
    // The same text again is in force already.
    assert_eq!(writer.disable(&CHECKOUT).unwrap().applied, Applied::Here);
    assert_eq!(server.cli(&["EXISTS", "ff:Page Size"]), "0");
}

#[test]
fn a_request_reads_what_it_has_written_and_others_go_on_as_they_began() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let _guard = followed(&server);
    let mut writer = writer(&server);
    let request = || RequestScope::new(EvaluationContext::new("ada"));
    let other = request().scope(|| context::carry(|| flag!(PAGE_SIZE)));
    request().scope(|| {
        assert_eq!(flag!(PAGE_SIZE), 20);
        writer.set(&PAGE_SIZE, 7).unwrap();
        assert_eq!(flag!(PAGE_SIZE), 7);
    });
    assert_eq!(other(), 20);
    assert_eq!(flag!(PAGE_SIZE), 7);
}

#[test]
fn a_write_does_not_wait_for_a_source_that_is_not_there() {
    let _turn = Turn::take();
    let server = RedisServer::start();
    let mut writer = writer(&server);
    assert_eq!(writer.set(&PAGE_SIZE, 3).unwrap().applied, Applied::NotRunning);
    let mut other = RedisServer::start();
    let guard = followed(&other);
    assert_eq!(writer.set(&PAGE_SIZE, 4).unwrap().applied, Applied::NotYet, "another server");
    other.kill();
    assert!(flags_workspace_tests::eventually(SOON, || !guard.status().is_live()));
    assert_eq!(writer.set(&PAGE_SIZE, 5).unwrap().applied, Applied::NotYet, "contact is lost");
}

#[test]
fn lists_are_changed_in_the_document_that_is_there_and_in_no_other() {
    let server = RedisServer::start();
    let is_over = AtomicBool::new(false);
    let names = Names { users: vec!["u".to_owned()], groups: Vec::new() };
    let keep = Existing::MustBeKept;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
            let by = AuditNote::new("other");
            let on = NewDocument::default().enabled(true).allowed_users(&["u".to_owned()]);
            while !is_over.load(Ordering::Relaxed) {
                // Whoever comes first wins; the trail tells who wrote what upon what.
                let _ = admin.write("f", None, &on, &by);
                if let Ok(Some(stored)) = admin.get("f") {
                    let _ = admin.delete("f", &stored, &by);
                }
            }
        });
        let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
        let mut faults = Vec::new();
        for _ in 0..300 {
            faults.extend(admin.allow("f", &names, keep, &AuditNote::new("allow")).err());
            match admin.deny("f", &names, keep, &AuditNote::new("deny")) {
                Err(AdminError::Invalid(why)) if why.contains("nobody is on its lists") => {}
                other => faults.extend(other.err()),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(faults.is_empty(), "{faults:?}");
    });
    let entries = Admin::connect(&server.url(), "ff:").unwrap().history(Some("f"), usize::MAX).unwrap();
    for entry in entries.iter().filter(|entry| entry.by != "other") {
        let new = entry.new.as_ref().unwrap().parse().unwrap().rollout_percentage;
        let old = entry.old.as_ref().map(|old| old.parse().unwrap().rollout_percentage);
        assert!(entry.by == "allow" || old.is_some(), "`deny` made a document");
        assert!((old.unwrap_or(0.0) - new).abs() < f64::EPSILON, "{} made {new} % of {old:?}", entry.by);
    }
}

#[test]
fn a_rollback_takes_no_write_of_the_trail_for_one_past_it() {
    let server = RedisServer::start();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
        admin.enable("f", &note()).unwrap();
        scope.spawn(|| {
            let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
            for percent in (0..=100).cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                admin.rollout("f", f64::from(percent), &note()).unwrap();
            }
        });
        let mut faults = Vec::new();
        for _ in 0..300 {
            match admin.rollback("f", None, Existing::MustBeKept, &note()) {
                Ok(_) | Err(AdminError::Conflict { .. }) => {}
                Err(error) => faults.push(error.to_string()),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(faults.is_empty(), "{} of 300: {}", faults.len(), faults[0]);
    });
}

#[test]
fn what_no_document_can_hold_is_not_written() {
    let server = RedisServer::start();
    let mut writer = writer(&server);
    assert!(matches!(writer.set(&RATIO, f64::NAN), Err(AdminError::Invalid(why)) if why.contains("`ratio`")));
    assert!(matches!(writer.rollout(&CHECKOUT, 101.0), Err(AdminError::Invalid(_))));
    assert!(matches!(writer.delete(&CHECKOUT), Err(AdminError::Invalid(_))));
    assert!(matches!(writer.rollback(&CHECKOUT), Err(AdminError::NotInTheTrail { .. })));
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

const WRITERS: usize = 8;
const CHANGES: usize = 100;

#[test]
fn eight_writers_lose_nothing_and_leave_a_trail_without_gaps() {
    let server = RedisServer::start();
    let is_over = AtomicBool::new(false);
    let port = server.port().to_string();
    let python = |program: &str, words: &[&str]| {
        let path = format!("{}/tests/python/{program}", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("python3").arg("-B").arg(path).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    thread::scope(|scope| {
        // In one fleet with services in another language, which read everything and write a flag of their own.
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                python("reader.py", &[&port, "ff:"]);
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                python("writer.py", &[&port, "ff:", "theirs"]);
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let url = server.url();
                scope.spawn(move || {
                    let mut admin = Admin::connect(&url, "ff:").unwrap();
                    for change in 0..CHANGES {
                        let name = if change % 2 == 0 { "shared" } else { "other" };
                        let add = Names { users: vec![format!("{writer}-{change}")], groups: Vec::new() };
                        let note = AuditNote::new(format!("writer {writer}"));
                        let edited = admin.edit(name, Existing::MustBeKept, &note, |mut document| {
                            document.allow(&add);
                            Ok(document)
                        });
                        edited.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
    for name in ["shared", "other"] {
        let stored = admin.get(name).unwrap().unwrap();
        let mut users: Vec<_> =
            stored.parse().unwrap().allowed_users.into_iter().map(std::borrow::Cow::into_owned).collect();
        users.sort();
        users.dedup();
        assert_eq!(users.len(), WRITERS * CHANGES / 2, "changes of `{name}` are lost");
        let history = admin.history(Some(name), usize::MAX).unwrap();
        assert_eq!(history.len(), WRITERS * CHANGES / 2);
        let is_chain = history.windows(2).all(|pair| pair[0].sha_before == pair[1].sha_after);
        assert!(is_chain, "the trail of `{name}` has a gap");
        assert_eq!(history[0].new.as_ref(), Some(&stored));
    }
    // Their plain SET leaves no entry, and shows as what is not what the entry before had left.
    admin.enable("theirs", &note()).unwrap();
    python("writer.py", &[&port, "ff:", "theirs"]);
    admin.enable("theirs", &note()).unwrap();
    let history = admin.history(Some("theirs"), usize::MAX).unwrap();
    assert_eq!(history.len(), 2);
    assert_ne!(history[0].sha_before, history[1].sha_after);
}
