//! The Redis source's way in: URL, login, rights, and what it falls back to without them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::error::Error;
use std::time::Duration;

use flags_runtime::source::redis::admin::Role;
use flags_runtime::source::redis::{Prefix, RedisSource};
use flags_runtime::source::{Change, Mode, Source, SourceErrorKind};
use flags_workspace_tests::change::{keys, next_change};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::wire::{HELLO_3, NO_ROLE, Scripted};

/// As long as the synchronizer waits at a time.
const SLICE: Duration = Duration::from_millis(250);

fn source(server: &RedisServer) -> RedisSource {
    RedisSource::new(&server.url()).unwrap()
}

/// The message with all its causes, as people see it.
fn told(error: &dyn Error) -> String {
    let mut told = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error} {error:?}");
        cause = error.source();
    }
    told
}

#[test]
fn a_wrong_password_is_a_configuration_error_that_does_not_tell_it() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "reader", "on", ">right", "~*", "+@all"]);
    // Without this the default user has no password, and Redis takes any for it.
    server.cli(&["CONFIG", "SET", "requirepass", "right"]);
    for user in ["reader", "nobody", ""] {
        let mut source = RedisSource::new(&server.url_as(user, "s3cret")).unwrap();
        let error = source.fetch(&["a"]).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Configuration, "{error}");
        let told = told(&error) + &source.describe() + &format!("{source:?}");
        assert!(told.contains("refuses the login") && !told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_missing_password_is_a_configuration_error_that_says_where_to_put_it() {
    let server = RedisServer::with_config(&["requirepass right"]);
    let error = source(&server).fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    assert!(error.to_string().contains("put `user:password@` into the URL"), "{error}");
    assert_eq!(RedisSource::new(&server.url_as("", "right")).unwrap().fetch(&["a"]).unwrap(), [None]);
}

#[test]
fn a_percent_encoded_login_is_decoded() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "a@b", "on", ">p:/w#d", "~*", "+@all"]);
    let mut source = RedisSource::new(&server.url_as("a%40b", "p%3A%2Fw%23d")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
}

#[test]
fn the_least_reader_acl_is_enough_for_pushes_and_no_more() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:a", "1"]);
    let rules = "resetkeys %R~ff:* -@all +hello +ping +mget +client|tracking";
    let words = ["ACL SETUSER reader on >pw", rules].join(" ");
    server.cli(&words.split(' ').collect::<Vec<_>>());
    let mut source = RedisSource::new(&server.url_as("reader", "pw")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    assert_eq!((source.mode(), source.polling_reason()), (Mode::Push, None));
    server.cli(&["SET", "ff:a", "2"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    let mut elsewhere = RedisSource::new(&server.url_as("reader", "pw")).unwrap().prefix("other:").unwrap();
    let error = elsewhere.fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    assert!(error.to_string().contains("extend the user's ACL"), "{error}");
}

#[test]
fn a_reader_by_its_role_hears_of_changes_and_tells_lists_and_replicas() {
    let server = RedisServer::start();
    let rules = Role::Reader.rules(&Prefix::default(), None);
    let words = ["ACL", "SETUSER", "reader", "reset", "on", ">pw"].into_iter().chain(rules.iter().map(String::as_str));
    server.cli(&words.collect::<Vec<_>>());
    server.cli(&["RPUSH", "ff:list", "1"]);
    let mut source = RedisSource::new(&server.url_as("reader", "pw")).unwrap();
    assert_eq!(source.fetch(&["a", "list"]).unwrap(), [None, None]);
    assert_eq!((source.mode(), source.unreadable().len()), (Mode::Push, 1));
    server.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let lost = || source.fetch(&["a"]).is_err_and(|error| error.to_string().contains("is a replica now"));
    assert!(eventually(Duration::from_secs(10), lost));
}

#[test]
fn forbidden_tracking_falls_back_to_polling_and_says_so() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:a", "1"]);
    server.cli(&["ACL", "SETUSER", "reader", "on", ">pw", "%R~ff:*", "-@all", "+hello", "+ping", "+mget"]);
    let mut source = RedisSource::new(&server.url_as("reader", "pw")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    assert_eq!(source.mode(), Mode::Polling);
    let reason = source.polling_reason().unwrap();
    assert!(reason.contains("CLIENT TRACKING was refused: NOPERM"), "{reason}");
    server.cli(&["SET", "ff:a", "2"]);
    assert_eq!(source.wait(SLICE).unwrap(), Change::Nothing);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"2".to_vec())]);
}

#[test]
fn a_server_without_resp3_is_polled_with_login_and_database() {
    let server = RedisServer::with_config(&["rename-command HELLO \"\"", "requirepass right"]);
    let url = format!("{}/3", server.url_as("", "right"));
    let mut source = RedisSource::new(&url).unwrap();
    server.cli(&["-a", "right", "--no-auth-warning", "-n", "3", "SET", "ff:a", "1"]);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    assert_eq!(source.mode(), Mode::Polling);
    assert!(source.polling_reason().unwrap().contains("HELLO 3 was refused"), "{source:?}");
    // Redis quoted the password when it refused HELLO: `with args beginning with: '3' 'AUTH' 'default' 'right'`.
    assert!(!format!("{source:?}").contains("right"), "{source:?}");
    assert_eq!(source.describe(), format!("redis at 127.0.0.1:{}, database 3", server.port()));
}

#[test]
fn a_server_that_quotes_the_login_does_not_make_us_tell_it() {
    // `unknown command 'AUTH', with args beginning with: 's3cret'`.
    let server = RedisServer::with_config(&["rename-command HELLO \"\"", "rename-command AUTH \"\""]);
    let mut source = RedisSource::new(&server.url_as("", "s3cret")).unwrap();
    let error = source.fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration);
    let told = told(&error) + &format!("{source:?}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn a_server_that_answers_in_the_old_protocol_is_polled_although_tracking_would_say_ok() {
    let server = Scripted::start(&["*2\r\n$5\r\nproto\r\n:2\r\n", NO_ROLE, "*1\r\n$-1\r\n", ":0\r\n"]);
    let mut source = RedisSource::new(server.url()).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    assert_eq!(source.mode(), Mode::Polling);
}

#[test]
fn another_database_has_its_own_documents() {
    let server = RedisServer::start();
    server.cli(&["-n", "2", "SET", "ff:a", "1"]);
    assert_eq!(source(&server).fetch(&["a"]).unwrap(), [None]);
    let mut second = RedisSource::new(&format!("{}/2", server.url())).unwrap();
    assert_eq!(second.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    let error = RedisSource::new(&format!("{}/99", server.url())).unwrap().fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Configuration, "{error}");
}

#[test]
fn a_prefix_must_end_in_a_colon_and_hold_no_pattern() {
    for wrong in ["", "ff", ":", "f*f:", "f?:", "[f]:", "f\\:", "f\n:"] {
        let error = Prefix::new(wrong).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Configuration, "{wrong:?}");
        assert!(error.to_string().contains("write for example `ff:`"), "{error}");
        assert!(RedisSource::new("redis://localhost").unwrap().prefix(wrong).is_err());
    }
    let server = RedisServer::start();
    server.cli(&["SET", "shop:ff:a", "1"]);
    let mut source = source(&server).prefix("shop:ff:").unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    server.cli(&["MSET", "shop:ff:a", "2", "ff:b", "2"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
}

#[test]
fn a_wrong_url_is_refused_without_repeating_it() {
    let refused = |url: &str| {
        let error = RedisSource::new(url).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Configuration, "{error}");
        let told = told(&error);
        assert!(!told.contains("s3cret"), "{told}");
        told
    };
    assert!(refused("rediss://u:s3cret@h?cacert=/nowhere").contains("`cacert=/nowhere`"));
    assert!(refused("redis+sentinel://u:s3cret@h").contains("sentinel"));
    assert!(refused("redis+cluster://u:s3cret@h/3").contains("cluster"));
    assert!(refused("http://u:s3cret@h").contains("known scheme"));
    assert!(refused("s3cret").contains("known scheme"));
    assert!(refused("redis://u:s3cret@h/database").contains("cannot be read"));
    assert!(refused("redis://u:s3cret@h:port").contains("cannot be read"));
    assert!(refused("redis://").contains("cannot be read"));
    assert!(refused("unix:s3cret-without-slash").contains("cannot be read"));
    assert_eq!(RedisSource::new("redis://[::1]").unwrap().describe(), "redis at [::1]:6379");
}

#[test]
fn no_error_says_again_where_the_documents_come_from() {
    // Whoever tells an error puts the description before it.
    let server = RedisServer::with_config(&["requirepass right"]);
    server.cli(&["-a", "right", "--no-auth-warning", "ACL", "SETUSER", "reader", "on", ">pw", "-@all", "+hello"]);
    let garbage = Scripted::start(&["garbage\r\n"]);
    let other_answer = Scripted::start(&[HELLO_3, "+OK\r\n", NO_ROLE, ":1\r\n"]);
    for (url, expected) in [
        ("redis://127.0.0.1:1", "cannot connect"),
        (&server.url(), "the server wants a password"),
        (&server.url_as("", "wrong"), "the server refuses the login"),
        (&server.url_as("reader", "pw"), "the server does not let this user run MGET"),
        (&format!("{}/99", server.url_as("", "right")), "the database of the URL cannot be selected"),
        (garbage.url(), "the server does not speak the redis protocol"),
        (other_answer.url(), "the server answered MGET with something else than documents"),
    ] {
        let mut source = RedisSource::new(url).unwrap();
        let error = source.fetch(&["a"]).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        let told = format!("{}: {}", source.describe(), told(&error));
        assert_eq!(
            (told.matches("redis at").count(), told.matches("127.0.0.1").count()),
            (1, 1),
            "it stutters: {told}"
        );
    }
}
