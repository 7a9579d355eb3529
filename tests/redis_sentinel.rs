//! Documents from the primary that sentinels name: real sentinels, replicas and failovers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AuditNote};
use flags_runtime::source::{Change, Mode, Source, SourceErrorKind};
use flags_workspace_tests::change::{keys, next_change};
use flags_workspace_tests::eventually;
use flags_workspace_tests::fleet::Sentinels;
use flags_workspace_tests::redis::RedisServer;

const SLICE: Duration = Duration::from_millis(250);
const FAILOVER: Duration = Duration::from_secs(30);

/// Waits until a replica has what was written.
fn wait_for_replica(primary: &RedisServer) {
    assert!(eventually(FAILOVER, || primary.cli(&["WAIT", "1", "1000"]) != "0"), "no replica has it");
}

/// Follows a source as the synchronizer does, until it reads this.
fn reads_soon(source: &mut RedisSource, expected: Option<&[u8]>) -> bool {
    eventually(FAILOVER, || {
        let _ = source.wait(SLICE);
        source.fetch(&["a"]).is_ok_and(|documents| documents[0].as_deref() == expected)
    })
}

#[test]
fn a_failover_is_followed_and_writes_go_to_the_new_primary() {
    let mut primary = RedisServer::start();
    let replica = primary.replica();
    let sentinels = Sentinels::of(&primary, 1);
    let url = sentinels.url("");
    let mut source = RedisSource::new(&url).unwrap();
    let mut admin = Admin::connect(&url, "ff:").unwrap();
    let note = AuditNote::new("a test");
    admin.disable("a", &note).unwrap();
    assert!(source.fetch(&["a"]).unwrap()[0].is_some());
    assert_eq!(source.mode(), Mode::Push);
    primary.cli(&["SET", "ff:a", "before"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    wait_for_replica(&primary);

    primary.kill();
    sentinels.wait_for_primary(replica.port());
    assert!(reads_soon(&mut source, Some(b"before")));
    replica.cli(&["SET", "ff:a", "after"]);
    assert!(reads_soon(&mut source, Some(b"after")));
    assert_eq!(source.mode(), Mode::Push);
    let is_written = || admin.delete("a", &b"after".to_vec().into(), &note).is_ok();
    assert!(eventually(FAILOVER, is_written), "the administrator stays with the old primary");
    assert_eq!(replica.cli(&["EXISTS", "ff:a"]), "0");
}

#[test]
fn an_old_primary_that_stays_alive_is_left() {
    // Nobody can tell it, as behind a partition: it stays a primary, answers our PINGs and pushes what is written to it.
    let primary = RedisServer::with_config(&["rename-command REPLICAOF \"\"", "rename-command SLAVEOF \"\""]);
    let replica = primary.replica();
    let sentinels = Sentinels::of(&primary, 1);
    let mut source = RedisSource::new(&sentinels.url("")).unwrap();
    primary.cli(&["SET", "ff:a", "old"]);
    wait_for_replica(&primary);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"old".to_vec())]);
    sentinels.sentinel(0).cli(&["SENTINEL", "FAILOVER", "flags"]);
    sentinels.wait_for_primary(replica.port());
    replica.cli(&["SET", "ff:a", "new"]);
    assert!(reads_soon(&mut source, Some(b"new")), "it reads the old primary");
    assert!(primary.cli(&["ROLE"]).starts_with("master"), "the old primary was told");
}

#[test]
fn a_sentinel_that_lags_behind_does_not_lead_astray() {
    let mut primary = RedisServer::start();
    let replica = primary.replica();
    let sentinels = Sentinels::of(&primary, 1);
    primary.cli(&["SET", "ff:a", "1"]);
    wait_for_replica(&primary);
    // It hears nothing of the failover, and is asked first.
    sentinels.sentinel(0).stop_process();
    primary.kill();
    let promoted = || {
        let named = sentinels.sentinel(1).cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "flags"]);
        named.ends_with(&replica.port().to_string())
    };
    assert!(eventually(FAILOVER, promoted), "no failover");
    primary.restart();
    let mut source = RedisSource::new(&sentinels.url("")).unwrap();
    let mut last = source.fetch(&["a"]);
    let is_read = eventually(FAILOVER, || {
        last = source.fetch(&["a"]);
        last.as_ref().is_ok_and(|read| *read == [Some(b"1".to_vec())])
    });
    assert!(is_read, "{last:?}; the new primary has {:?}", replica.cli(&["GET", "ff:a"]));
    sentinels.sentinel(0).continue_process();
    assert!(reads_soon(&mut source, Some(b"1")));
}

#[test]
fn a_name_that_the_sentinels_do_not_know_is_a_configuration_error() {
    let primary = RedisServer::start();
    let sentinels = Sentinels::of(&primary, 0);
    let url = sentinels.url("").replace("/flags", "/falgs");
    let error = RedisSource::new(&url).unwrap().fetch(&["a"]).unwrap_err();
    let told = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert_eq!(error.kind(), SourceErrorKind::Configuration, "{told}");
    assert!(told.contains("knows no primary `falgs`"), "{told}");
}

#[test]
fn without_sentinels_documents_go_on_and_it_is_said() {
    let primary = RedisServer::start();
    let mut sentinels = Sentinels::of(&primary, 0);
    let mut source = RedisSource::new(&sentinels.url("")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    assert_eq!(source.trouble(), None);
    sentinels.kill_all();
    let is_told = || source.trouble().is_some_and(|trouble| trouble.contains("sentinel 127.0.0.1:"));
    assert!(eventually(FAILOVER, is_told), "{:?}", source.trouble());
    primary.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    assert_eq!(source.wait(SLICE).unwrap(), Change::Nothing);
}

#[test]
fn primary_and_sentinels_may_have_logins_of_their_own() {
    let primary = RedisServer::with_config(&["requirepass pw", "masterauth pw"]);
    let lines = |_| {
        vec![
            format!("sentinel monitor flags 127.0.0.1 {} 1", primary.port()),
            "sentinel auth-pass flags pw".to_owned(),
            "requirepass other".to_owned(),
            "sentinel down-after-milliseconds flags 500".to_owned(),
        ]
    };
    let sentinel = RedisServer::on_some_port(lines, true);
    let url = format!("redis+sentinel://:pw@127.0.0.1:{}/flags", sentinel.port());
    let error = RedisSource::new(&url).unwrap().fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    let url = format!("{url}?sentinel_password=other");
    assert_eq!(RedisSource::new(&url).unwrap().fetch(&["a"]).unwrap(), [None]);
}

#[test]
fn a_replica_that_is_named_by_the_url_serves_and_tells_when_it_has_lost_its_primary() {
    let mut primary = RedisServer::start();
    let replica = primary.replica();
    primary.cli(&["SET", "ff:a", "1"]);
    assert!(eventually(FAILOVER, || replica.cli(&["GET", "ff:a"]) == "1"));
    let mut source = RedisSource::new(&replica.url()).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    primary.cli(&["SET", "ff:a", "2"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    assert_eq!(source.trouble(), None);
    primary.kill();
    let is_told = || {
        let _ = source.wait(SLICE);
        source.fetch(&["a"]).is_ok() && source.trouble().is_some_and(|trouble| trouble.contains("lost its primary"))
    };
    assert!(eventually(FAILOVER, is_told));
}

#[test]
fn a_primary_that_became_a_replica_is_left_and_the_name_resolved_anew() {
    let old = RedisServer::start();
    let new = RedisServer::start();
    let mut source = RedisSource::new(&old.url()).unwrap();
    source.fetch(&["a"]).unwrap();
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    let lost = || {
        let _ = source.wait(SLICE);
        source.fetch(&["a"]).is_err_and(|error| error.to_string().contains("is a replica now"))
    };
    assert!(eventually(FAILOVER, lost));
}
