//! The audited write path against a real server: races, refusals, rights, replicas.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::redis::admin::{Admin, AdminError, AuditNote, Existing, NewDocument, StoredDocument};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;

const SOON: Duration = Duration::from_secs(5);

fn admin(server: &RedisServer) -> Admin {
    Admin::connect(&server.url(), "ff:").unwrap()
}

fn note() -> AuditNote {
    AuditNote::new("ada")
}

/// A document that differs from others by its percentage alone.
fn at_percent(percent: &str) -> String {
    format!(
        r#"{{"name":"x","enabled":true,"rollout_percentage":{percent},"allowed_users":[],"allowed_groups":[],"value":null}}"#
    )
}

#[test]
fn a_flag_without_a_document_gets_one_of_six_fields_in_order() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    assert_eq!(admin.get("x").unwrap(), None);
    let written = admin.rollout("x", 12.5, &note()).unwrap();
    let expected =
        r#"{"name":"x","enabled":true,"rollout_percentage":12.5,"allowed_users":[],"allowed_groups":[],"value":null}"#;
    assert_eq!(server.cli(&["GET", "ff:x"]), expected);
    assert_eq!(written.text.as_deref(), Some(expected));
}

#[test]
fn only_a_kill_turns_off_a_flag_that_had_no_document() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    for (name, written, is_enabled) in [
        ("a", admin.rollout("a", 50.0, &note()), true),
        ("b", admin.set("b", "1", &note()), true),
        ("c", admin.edit("c", Existing::MustBeKept, &note(), Ok), true),
        ("d", admin.enable("d", &note()), true),
        ("e", admin.disable("e", &note()), false),
    ] {
        let text = written.unwrap().text.unwrap();
        assert_eq!(StoredDocument::from(text).parse().unwrap().enabled, is_enabled, "{name}");
    }
    // What is there already stays as somebody left it.
    for written in [admin.rollout("e", 50.0, &note()), admin.set("e", "1", &note())] {
        assert!(written.unwrap().text.unwrap().contains(r#""enabled":false"#));
    }
}

#[test]
fn a_change_leaves_the_text_of_all_else_as_it_was() {
    let server = RedisServer::start();
    let stored = r#"{"allowed_users":["a\/b","é"], "rollout_percentage":33.30000000000000000001,"value":{"n":1.50e3},"name":"x","enabled":true}"#;
    server.cli(&["SET", "ff:x", stored]);
    let mut admin = admin(&server);
    admin.disable("x", &note()).unwrap();
    let rest = r#""rollout_percentage":33.30000000000000000001,"allowed_users":["a\/b","é"],"allowed_groups":[],"value":{"n":1.50e3}}"#;
    assert_eq!(server.cli(&["GET", "ff:x"]), format!(r#"{{"name":"x","enabled":false,{rest}"#));
    admin.enable("x", &note()).unwrap();
    assert_eq!(server.cli(&["GET", "ff:x"]), format!(r#"{{"name":"x","enabled":true,{rest}"#));
    admin.set("x", " \"b\" ", &note()).unwrap();
    assert!(server.cli(&["GET", "ff:x"]).ends_with(r#","value":"b"}"#));
}

#[test]
fn every_write_is_in_the_trail_with_who_when_why_and_both_texts() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let note = AuditNote::new("ada@desk").via("cargo-flags 0.1.0").why("orders are lost");
    let written = admin.enable("x", &note).unwrap();
    let stored = admin.get("x").unwrap().unwrap();
    admin.delete("x", &stored, &note).unwrap();
    admin.enable("other", &note).unwrap();
    assert_eq!(server.cli(&["EXISTS", "ff:x"]), "0");

    let trail = admin.history(Some("x"), 10).unwrap();
    let [deleted, created] = &trail[..] else { panic!("{trail:?}") };
    assert_eq!((created.by.as_str(), created.via.as_str()), ("ada@desk", "cargo-flags 0.1.0"));
    assert_eq!((created.why.as_str(), created.acl_user.as_str()), ("orders are lost", "default"));
    assert_eq!((created.key.as_str(), &created.at), ("ff:x", &written.at));
    assert_eq!((&created.old, created.sha_before.as_str()), (&None, ""));
    assert_eq!((&created.new, created.sha_after.len()), (&Some(stored.clone()), 40));
    assert_eq!((&deleted.old, &deleted.sha_before), (&Some(stored), &created.sha_after));
    assert_eq!((&deleted.new, deleted.sha_after.as_str()), (&None, ""));
    assert_eq!(admin.history(None, 10).unwrap().len(), 3);
    assert_eq!(admin.history(None, 1).unwrap()[0].key, "ff:other");
    assert_eq!(server.cli(&["TYPE", "ff-audit"]), "stream");
}

#[test]
fn the_time_of_an_entry_is_the_servers_in_rfc_3339() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let written = admin.enable("x", &note()).unwrap();
    let entry = &admin.history(None, 1).unwrap()[0];
    // The server numbers entries by its clock, so the id is the time to check against, and `date` knows the calendar.
    let (milliseconds, _) = entry.id.split_once('-').unwrap();
    let (seconds, fraction) = milliseconds.split_at(milliseconds.len() - 3);
    let date = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%S"])
        .output()
        .unwrap();
    let expected = format!("{}.{fraction}Z", String::from_utf8(date.stdout).unwrap().trim_end());
    // TIME and the id are taken from one clock, but not in one instant.
    assert_eq!(written.at[..written.at.len() - 3], expected[..expected.len() - 3]);
    assert_eq!((written.at.len(), &written.at), (24, &entry.at));
}

#[test]
fn the_calendar_of_the_script_is_right_on_the_days_that_go_wrong() {
    // The script takes its clock from the server, so a copy with a clock of ours stands for it.
    let script = include_str!("../flags-runtime/src/source/redis/admin/write.lua");
    let from = script.find("local function now()").unwrap();
    let until = script.find("\nlocal at, new").unwrap();
    let clock = "redis.call('TIME')";
    let now = &script[from..until];
    assert_eq!(now.matches(clock).count(), 1);
    let with_our_clock = format!("{}\nreturn now()", now.replace(clock, "{ARGV[1], ARGV[2]}"));
    let server = RedisServer::start();
    for (seconds, expected) in [
        ("0", "1970-01-01T00:00:00.007Z"),
        ("951782399", "2000-02-28T23:59:59.007Z"),
        ("951782400", "2000-02-29T00:00:00.007Z"),
        ("1709251200", "2024-03-01T00:00:00.007Z"),
        ("1798761599", "2026-12-31T23:59:59.007Z"),
        ("1798761600", "2027-01-01T00:00:00.007Z"),
        ("4107542400", "2100-03-01T00:00:00.007Z"),
    ] {
        assert_eq!(server.cli(&["EVAL", &with_our_clock, "0", seconds, "7999"]), expected);
    }
}

#[test]
fn a_lost_race_says_what_is_there_now_and_changes_nothing() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let lost = |result: Result<_, AdminError>| match result {
        Err(AdminError::Conflict { current, .. }) => current.map(|current| current.text().into_owned()),
        other => panic!("{other:?}"),
    };
    let change = NewDocument::default().enabled(true);
    let read = StoredDocument::from(at_percent("1"));

    assert_eq!(lost(admin.write("x", Some(&read), &change, &note())), None);
    server.cli(&["SET", "ff:x", &at_percent("2")]);
    assert_eq!(lost(admin.write("x", Some(&read), &change, &note())), Some(at_percent("2")));
    assert_eq!(lost(admin.write("x", None, &change, &note())), Some(at_percent("2")));
    assert_eq!(lost(admin.delete("x", &read, &note())), Some(at_percent("2")));
    // An empty document is not the same as none.
    server.cli(&["SET", "ff:x", ""]);
    assert_eq!(lost(admin.write("x", None, &change, &note())), Some(String::new()));
    assert_eq!(server.cli(&["GET", "ff:x"]), "");
    assert_eq!(admin.history(None, 10).unwrap(), []);
    admin.write("x", Some(&StoredDocument::from("")), &change, &note()).unwrap();
    assert_eq!(admin.history(None, 1).unwrap()[0].old, Some(StoredDocument::from("")));
}

#[test]
fn an_edit_outlasts_many_lost_races_and_builds_on_what_won() {
    const RACES: u32 = 60;
    let server = RedisServer::start();
    let mut rival = admin(&server);
    let mut runs = 0;
    let edited = admin(&server).edit("x", Existing::MustBeKept, &note(), |document| {
        runs += 1;
        if runs <= RACES {
            rival.rollout("x", f64::from(runs), &note())?;
        }
        Ok(document.enabled(true))
    });
    assert_eq!(edited.unwrap().text, Some(at_percent(&RACES.to_string())));
    assert_eq!(runs, RACES + 1);
}

#[test]
fn an_edit_that_always_loses_ends_in_a_conflict() {
    let server = RedisServer::start();
    let mut rival = admin(&server);
    let start = Instant::now();
    let mut runs = 0;
    let lost = admin(&server).edit("x", Existing::MustBeKept, &note(), |document| {
        runs += 1;
        rival.rollout("x", f64::from(runs % 100), &note())?;
        Ok(document.enabled(true))
    });
    assert!(matches!(lost, Err(AdminError::Conflict { current: Some(_), .. })), "{lost:?}");
    assert!(start.elapsed() < SOON * 2, "it took {:?}", start.elapsed());
}

#[test]
fn eight_writers_lose_no_increment_and_the_trail_is_unbroken() {
    const WRITERS: usize = 8;
    const INCREMENTS: usize = 100;
    let server = RedisServer::start();
    server.cli(&["SET", "ff:x", r#"{"name":"x","value":0}"#]);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let mut admin = admin(&server);
            scope.spawn(move || {
                let note = AuditNote::new(format!("writer {writer}"));
                for _ in 0..INCREMENTS {
                    increment(&mut admin, &note);
                }
            });
        }
    });
    let mut admin = admin(&server);
    let value = admin.get("x").unwrap().unwrap().parse().unwrap().value.unwrap().get().to_owned();
    assert_eq!(value, (WRITERS * INCREMENTS).to_string());
    let trail = admin.history(Some("x"), 10_000).unwrap();
    assert_eq!(trail.len(), WRITERS * INCREMENTS);
    for pair in trail.windows(2) {
        let [later, earlier] = pair else { unreachable!("windows of two") };
        assert_eq!((&later.sha_before, &later.old), (&earlier.sha_after, &earlier.new));
    }
}

/// Adds one to the value, through the read-modify-write that tools use.
fn increment(admin: &mut Admin, note: &AuditNote) {
    let result = admin.edit("x", Existing::MustBeKept, note, |document| {
        let text = document.text("x");
        let value: u64 = serde_json::from_str::<serde_json::Value>(&text).unwrap()["value"].as_u64().unwrap();
        document.value(&(value + 1).to_string())
    });
    result.unwrap();
}

#[test]
fn unknown_fields_are_refused_by_name_unless_they_may_be_lost() {
    let server = RedisServer::start();
    let stored = r#"{"name":"x","enabled":true,"rules":[1],"note":"n"}"#;
    server.cli(&["SET", "ff:x", stored]);
    let mut admin = admin(&server);
    let refused = admin.disable("x", &note()).unwrap_err();
    assert!(matches!(&refused, AdminError::UnknownFields { fields, .. } if *fields == ["rules", "note"]), "{refused}");
    assert!(refused.to_string().contains("rules, note"), "{refused}");
    assert_eq!(server.cli(&["GET", "ff:x"]), stored);
    admin.edit("x", Existing::MayBeLost, &note(), |document| Ok(document.enabled(false))).unwrap();
    assert_eq!(server.cli(&["GET", "ff:x"]), NewDocument::default().text("x"));
}

#[test]
fn an_unreadable_document_is_refused_unless_it_may_be_lost() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:x", "not json"]);
    let mut admin = admin(&server);
    assert_eq!(admin.get("x").unwrap().unwrap().text(), "not json");
    assert!(matches!(admin.disable("x", &note()), Err(AdminError::Unreadable { .. })));
    assert_eq!(server.cli(&["GET", "ff:x"]), "not json");
    admin.edit("x", Existing::MayBeLost, &note(), Ok).unwrap();
    assert_eq!(server.cli(&["GET", "ff:x"]), NewDocument::default().text("x"));
}

#[test]
fn what_readers_would_refuse_is_never_written() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    for value in ["", "yes", "{", "1e999", "1 2", "\"\\ud800\"", nested(128).as_str()] {
        let refused = admin.set("x", value, &note());
        assert!(matches!(refused, Err(AdminError::Invalid(_))), "{value:?}: {refused:?}");
    }
    for percent in [-1.0, 100.5, f64::NAN] {
        assert!(matches!(admin.rollout("x", percent, &note()), Err(AdminError::Invalid(_))), "{percent}");
    }
    for name in ["", "a\nb", "n".repeat(257).as_str()] {
        assert!(matches!(admin.enable(name, &note()), Err(AdminError::Invalid(_))), "{name:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    admin.set("x", &nested(127), &note()).unwrap();
}

#[test]
fn a_key_of_another_type_is_named() {
    let server = RedisServer::start();
    server.cli(&["RPUSH", "ff:x", "1"]);
    let mut admin = admin(&server);
    for result in [admin.get("x").map(drop), admin.write("x", None, &NewDocument::default(), &note()).map(drop)] {
        assert!(matches!(&result, Err(AdminError::NotADocument { key, .. }) if key == "ff:x"), "{result:?}");
    }
}

#[test]
fn a_trail_of_another_type_is_named_and_not_blamed_on_the_document() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:x", &at_percent("1")]);
    server.cli(&["SET", "ff-audit", "no stream"]);
    let mut admin = admin(&server);
    let read = admin.get("x").unwrap().unwrap();
    for result in [
        admin.disable("x", &note()).map(drop),
        admin.delete("x", &read, &note()).map(drop),
        admin.enable("new", &note()).map(drop),
        admin.history(None, 1).map(drop),
    ] {
        let Err(error) = result else { panic!("nothing can be recorded") };
        assert!(matches!(&error, AdminError::NotATrail { key, .. } if key == "ff-audit"), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("`ff-audit`") && !told.contains("`ff:x`") && !told.contains("delete"), "{told}");
    }
    assert_eq!(server.cli(&["GET", "ff:x"]), at_percent("1"), "nothing was written");
    assert_eq!((server.cli(&["EXISTS", "ff:new"]), server.cli(&["GET", "ff-audit"])), ("0".into(), "no stream".into()));
    // A document of another type is still told apart, with a wrong trail beside it.
    server.cli(&["RPUSH", "ff:list", "1"]);
    let refused = admin.write("list", None, &NewDocument::default(), &note());
    assert!(matches!(&refused, Err(AdminError::NotADocument { key, .. }) if key == "ff:list"), "{refused:?}");
}

#[test]
fn the_writer_acl_is_enough_and_each_right_that_is_missing_is_told_without_a_change() {
    const RIGHTS: [&str; 8] = ["+hello", "+get", "+set", "+del", "+eval", "+xadd", "+time", "+xdel"];
    const OPTIONAL: [&str; 3] = ["+acl|whoami", "+role", "+wait"];
    let server = RedisServer::start();
    let with_rights = |rights: &[&str]| {
        let user = ["ACL", "SETUSER", "writer", "reset", "on", ">pw", "~ff:*", "~ff-audit", "-@all"];
        server.cli(&[&user, rights].concat());
        Admin::connect(&server.url_as("writer", "pw"), "ff:").unwrap()
    };

    let mut full = with_rights(&[&RIGHTS[..], &OPTIONAL].concat());
    let written = full.enable("x", &note()).unwrap();
    assert_eq!((written.replicas_known, written.replicas_acknowledged), (Some(0), Some(0)));
    let stored = full.get("x").unwrap().unwrap();
    full.delete("x", &stored, &note()).unwrap();

    let mut least = with_rights(&RIGHTS);
    let written = least.enable("x", &note()).unwrap();
    assert_eq!((written.replicas_known, written.replicas_acknowledged), (None, None));
    let before = server.cli(&["GET", "ff:x"]);

    let length = server.cli(&["XLEN", "ff-audit"]);
    for missing in ["+get", "+set", "+eval", "+xadd", "+time"] {
        let rights: Vec<_> = RIGHTS.into_iter().filter(|right| *right != missing).collect();
        let refused = with_rights(&rights).disable("x", &note());
        assert!(matches!(refused, Err(AdminError::Forbidden { .. })), "without {missing}: {refused:?}");
        assert_eq!(server.cli(&["GET", "ff:x"]), before, "without {missing}");
        assert_eq!(server.cli(&["XLEN", "ff-audit"]), length, "without {missing}");
    }

    let mut elsewhere = Admin::connect(&server.url_as("writer", "pw"), "other:").unwrap();
    assert!(matches!(elsewhere.enable("x", &note()), Err(AdminError::Forbidden { .. })));
    let trail = admin(&server).history(Some("x"), 10).unwrap();
    let users: Vec<_> = trail.iter().map(|entry| entry.acl_user.as_str()).collect();
    assert_eq!(users, ["", "writer", "writer"]);
}

#[test]
fn a_replica_refuses_writes_and_acknowledges_those_of_its_primary() {
    let primary = RedisServer::start();
    let replica = RedisServer::with_config(&[&format!("replicaof 127.0.0.1 {}", primary.port())]);
    let is_online = || primary.cli(&["INFO", "replication"]).contains("state=online");
    assert!(eventually(SOON * 2, is_online), "the replica does not come up");

    let written = admin(&primary).enable("x", &note()).unwrap();
    assert_eq!((written.replicas_known, written.replicas_acknowledged), (Some(1), Some(1)));
    assert_eq!(replica.cli(&["GET", "ff:x"]), written.text.unwrap());

    let refused = admin(&replica).disable("x", &note()).unwrap_err();
    assert!(matches!(refused, AdminError::ReadOnly { .. }), "{refused}");
    assert!(refused.to_string().contains("is a replica"), "{refused}");

    replica.stop_process();
    let written = admin(&primary).disable("x", &note()).unwrap();
    assert_eq!((written.replicas_known, written.replicas_acknowledged), (Some(1), Some(0)));
}

#[test]
fn a_write_whose_answer_is_lost_is_uncertain_and_not_a_failure() {
    let server = RedisServer::start();
    let mut admin = admin(&server);
    server.stop_process();
    let lost = admin.write("x", None, &NewDocument::default(), &note()).unwrap_err();
    assert!(matches!(lost, AdminError::Uncertain { .. }), "{lost}");
    assert!(lost.to_string().contains("read it again"), "{lost}");
    server.continue_process();
    // It did happen: the server found the command in its socket.
    assert!(eventually(SOON, || admin.get("x").is_ok_and(|stored| stored.is_some())), "the write is not there");
}

#[test]
fn an_administrator_goes_on_after_the_server_came_back() {
    let mut server = RedisServer::start();
    let mut admin = admin(&server);
    server.kill();
    assert!(matches!(admin.get("x"), Err(AdminError::Connection { .. })));
    server.restart();
    admin.enable("x", &note()).unwrap();
    assert_eq!(admin.history(Some("x"), 1).unwrap()[0].acl_user, "default");
}

#[test]
fn connecting_says_what_is_wrong_and_never_the_password() {
    let server = RedisServer::with_config(&["requirepass right"]);
    let here = format!("redis at 127.0.0.1:{}", server.port());
    for (url, prefix, is_at) in [
        (server.url_as("ada", "s3cret"), "ff:", Some(&*here)),
        (server.url_as("", "right"), "ff", None),
        ("rediss://u:s3cret@localhost?cacert=/nowhere".to_owned(), "ff:", None),
        ("redis://u:s3cret@127.0.0.1:1".to_owned(), "ff:", Some("redis at 127.0.0.1:1")),
    ] {
        let refused = Admin::connect(&url, prefix).unwrap_err();
        let (place, cause) = match &refused {
            AdminError::Settings(cause) => (None, cause),
            AdminError::Connection { server, source, .. } => (Some(&**server), source),
            other => panic!("{other:?}"),
        };
        assert_eq!(place, is_at);
        let told = format!("{refused}: {cause}");
        assert!(told.matches("127.0.0.1").count() <= 1, "it stutters: {told}");
        assert!(!format!("{told} {refused:?} {cause:?}").contains("s3cret"), "{refused:?}");
    }
    let admin = Admin::connect(&format!("{}/3", server.url_as("", "right")), "ff:").unwrap();
    assert_eq!(admin.server(), format!("127.0.0.1:{}, database 3", server.port()));
    assert!(!format!("{admin:?}").contains("right"), "{admin:?}");
}

#[test]
fn a_name_may_be_any_text_and_another_prefix_has_its_own_trail() {
    let server = RedisServer::start();
    let mut admin = Admin::connect(&server.url(), "shop:ff:").unwrap();
    admin.enable("größe/\"neu\" *", &note()).unwrap();
    let stored = admin.get("größe/\"neu\" *").unwrap().unwrap();
    assert_eq!(stored.parse().unwrap().name.as_deref(), Some("größe/\"neu\" *"));
    assert_eq!(server.cli(&["XLEN", "shop:ff-audit"]), "1");
}
