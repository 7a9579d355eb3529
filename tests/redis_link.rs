//! The Redis source against a real server: what is read, what is pushed, and faults of server and network.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::{Change, Mode, Source, SourceError, SourceErrorKind};
use flags_workspace_tests::change::{keys, next_change};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::wire::{Dripping, HELLO_3, NO_ROLE, Proxy, Scripted, Weather};

/// As long as the synchronizer waits at a time.
const SLICE: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_secs(5);

fn source(server: &RedisServer) -> RedisSource {
    RedisSource::new(&server.url()).unwrap()
}

/// A source that has read once, so that it is connected.
fn connected(server: &RedisServer) -> RedisSource {
    let mut source = source(server);
    source.fetch(&["a"]).unwrap();
    assert_eq!(source.mode(), Mode::Push);
    source
}

/// What `wait` says in the end, and after how long.
fn next_loss(source: &mut RedisSource) -> (SourceError, Duration) {
    let start = Instant::now();
    loop {
        match source.wait(SLICE) {
            Err(error) => return (error, start.elapsed()),
            Ok(_) => assert!(start.elapsed() < SOON, "the loss is not noticed"),
        }
    }
}

#[test]
fn documents_come_in_the_order_of_their_names_over_many_chunks() {
    let server = RedisServer::start();
    let names: Vec<_> = (0..1201).map(|number| format!("flag{number}")).collect();
    let mut set = vec!["MSET".to_owned()];
    for name in names.iter().skip(1).step_by(2) {
        set.extend([format!("ff:{name}"), format!("document of {name}")]);
    }
    server.cli(&set.iter().map(String::as_str).collect::<Vec<_>>());
    let asked: Vec<_> = names.iter().map(String::as_str).collect();
    let documents = source(&server).fetch(&asked).unwrap();
    let expected: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| (index % 2 == 1).then(|| format!("document of {name}").into_bytes()))
        .collect();
    assert_eq!(documents, expected);
}

#[test]
fn every_way_to_change_a_document_is_pushed() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    let mut expect = |words: &[&str], change: Change| {
        server.cli(words);
        assert_eq!(next_change(&mut source), change, "{words:?}");
    };
    expect(&["SET", "ff:a", "1"], keys(&["a"]));
    expect(&["SET", "ff:a", "1"], keys(&["a"]));
    expect(&["EVAL", "return redis.call('SET', KEYS[1], '2')", "1", "ff:a"], keys(&["a"]));
    expect(&["DEL", "ff:a"], keys(&["a"]));
    expect(&["MSET", "ff:a", "1", "ff:b", "2", "other:c", "3"], keys(&["a", "b"]));
    expect(&["RENAME", "ff:a", "ff:d"], keys(&["a", "d"]));
    expect(&["PEXPIRE", "ff:d", "1"], keys(&["d"]));
    expect(&["FLUSHALL"], Change::Everything);
    expect(&["SET", "ff:a", "1"], keys(&["a"]));
    expect(&["FLUSHDB"], Change::Everything);
}

#[test]
fn an_expired_document_is_pushed_when_it_goes() {
    let server = RedisServer::start();
    server.cli(&["SET", "ff:a", "1", "PX", "300"]);
    let mut source = connected(&server);
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
}

#[test]
fn a_change_between_two_reads_is_kept_and_told_at_once() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    server.cli(&["SET", "ff:a", "1"]);
    // The push is in front of this reply, and must neither be taken for it nor be lost.
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    let start = Instant::now();
    assert_eq!(source.wait(SOON).unwrap(), keys(&["a"]));
    assert!(start.elapsed() < SOON / 2, "it waited although a change was queued");
}

#[test]
fn waiting_without_a_change_ends_at_the_timeout() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    server.cli(&["SET", "other:a", "1"]);
    let start = Instant::now();
    assert_eq!(source.wait(SLICE).unwrap(), Change::Nothing);
    assert!((SLICE..SLICE * 3).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[test]
fn a_link_stays_alive_over_several_pings() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    let pings = || server.cli(&["INFO", "commandstats"]).contains("cmdstat_ping:calls=2");
    let start = Instant::now();
    let is_pinged = eventually(SOON, || source.wait(SLICE).is_ok_and(|change| change == Change::Nothing) && pings());
    assert!(is_pinged, "no second PING within {:?}", start.elapsed());
    server.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
}

#[test]
fn a_link_survives_a_thread_that_was_away_for_longer_than_a_ping_may_take() {
    let server = Scripted::start(&[HELLO_3, "+OK\r\n", NO_ROLE, "*1\r\n$-1\r\n", ":0\r\n", ""]);
    let mut source = RedisSource::new(server.url()).unwrap();
    source.fetch(&["a"]).unwrap();
    assert!(eventually(SOON, || source.wait(Duration::from_millis(1)).is_ok() && server.heard() == 6), "no PING");
    server.say("+PONG\r\n");
    // Being away is what is tested here; there is nothing to wait for.
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(source.wait(Duration::from_millis(1)).unwrap(), Change::Nothing);
}

#[test]
fn a_push_in_pieces_is_put_together_over_timeouts() {
    let server = Scripted::start(&[HELLO_3, "+OK\r\n", NO_ROLE, "*1\r\n$-1\r\n", ":0\r\n"]);
    let mut source = RedisSource::new(server.url()).unwrap();
    source.fetch(&["abc"]).unwrap();
    let less_than_a_slice = Duration::from_millis(50);
    for piece in [">2\r\n$10\r\ninvali", "date\r\n*1\r\n$6\r\nff:a"] {
        server.say(piece);
        assert_eq!(source.wait(less_than_a_slice).unwrap(), Change::Nothing);
    }
    server.say("bc\r\n");
    assert_eq!(next_change(&mut source), keys(&["abc"]));
}

#[test]
fn the_answer_to_a_ping_is_not_taken_for_a_document() {
    // The sixth thing that this server hears is a PING; its answer comes together with that to the read after it.
    let server =
        Scripted::start(&[HELLO_3, "+OK\r\n", NO_ROLE, "*1\r\n$-1\r\n", ":0\r\n", "", "+PONG\r\n*1\r\n$1\r\n1\r\n"]);
    let mut source = RedisSource::new(server.url()).unwrap();
    source.fetch(&["a"]).unwrap();
    assert!(eventually(SOON, || source.wait(SLICE).is_ok() && server.heard() == 6), "no PING");
    assert_eq!(source.fetch(&["a"]).unwrap(), [Some(b"1".to_vec())]);
    assert_eq!(source.wait(SLICE).unwrap(), Change::Nothing);
}

#[test]
fn a_reply_that_nobody_asked_for_loses_the_link() {
    let server = Scripted::start(&[HELLO_3, "+OK\r\n", NO_ROLE, "*1\r\n$-1\r\n", ":0\r\n+OK\r\n"]);
    let mut source = RedisSource::new(server.url()).unwrap();
    source.fetch(&["a"]).unwrap();
    let (error, _) = next_loss(&mut source);
    assert!(error.to_string().contains("nobody asked for"), "{error}");
}

#[test]
fn a_list_at_a_key_is_told_from_no_document() {
    let server = RedisServer::start();
    server.cli(&["RPUSH", "ff:a", "1"]);
    server.cli(&["SET", "ff:b", "1"]);
    let mut source = source(&server);
    assert_eq!(source.fetch(&["a", "b", "c"]).unwrap(), [None, Some(b"1".to_vec()), None]);
    let unreadable: Vec<_> = source.unreadable().into_iter().map(|(key, _)| key).collect();
    assert_eq!(unreadable, ["a"]);
    server.cli(&["DEL", "ff:a"]);
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    assert!(source.unreadable().is_empty());
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_pushes_too() {
    let server = RedisServer::start();
    for scheme in ["unix:", "redis+unix://"] {
        let mut source = RedisSource::new(&format!("{scheme}{}", server.socket().display())).unwrap();
        assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
        server.cli(&["SET", "ff:a", "1"]);
        assert_eq!(next_change(&mut source), keys(&["a"]));
        server.cli(&["DEL", "ff:a"]);
        assert!(source.describe().starts_with("redis at unix:/"), "{}", source.describe());
    }
}

#[test]
fn waiting_without_a_link_is_an_error() {
    let server = RedisServer::start();
    let mut source = source(&server);
    assert_eq!(source.wait(SLICE).unwrap_err().kind(), SourceErrorKind::Unreachable);
    assert_eq!(source.mode(), Mode::Polling);
}

#[test]
fn a_killed_server_is_noticed_at_once_and_found_again() {
    let mut server = RedisServer::start();
    let mut source = connected(&server);
    server.kill();
    let (error, after) = next_loss(&mut source);
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert!(after < Duration::from_secs(1), "noticed after {after:?}");
    let error = source.fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert_eq!(error.to_string(), "cannot connect");
    server.restart();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    assert_eq!(source.mode(), Mode::Push);
    server.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
}

#[test]
fn a_hanging_server_is_noticed_within_three_seconds_while_waiting() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    server.stop_process();
    let (error, after) = next_loss(&mut source);
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert!(error.to_string().contains("hangs"), "{error}");
    assert!(after < Duration::from_secs(3), "noticed after {after:?}");
    server.continue_process();
    assert!(eventually(SOON, || source.fetch(&["a"]).is_ok()), "not found again");
}

#[test]
fn a_hanging_server_is_noticed_within_two_seconds_while_reading_or_connecting() {
    let server = RedisServer::start();
    let mut source = connected(&server);
    server.stop_process();
    for _ in 0..2 {
        let start = Instant::now();
        let error = source.fetch(&["a"]).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Unreachable);
        assert!(start.elapsed() < Duration::from_secs(2), "noticed after {:?}", start.elapsed());
    }
}

#[test]
fn a_half_open_link_is_noticed_within_three_seconds() {
    let server = RedisServer::start();
    let proxy = Proxy::in_front_of(server.port());
    let mut source = RedisSource::new(proxy.url()).unwrap();
    source.fetch(&["a"]).unwrap();
    server.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    proxy.turn(Weather::Blackhole);
    let (error, after) = next_loss(&mut source);
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert!(after < Duration::from_secs(3), "noticed after {after:?}");
}

#[test]
fn a_server_that_drips_is_left() {
    // The answer to HELLO has no end: each byte comes in time, and no time would be enough for all.
    let server = Dripping::start(b"$1000000\r\n");
    let start = Instant::now();
    let error = RedisSource::new(server.url()).unwrap().fetch(&["a"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Unreachable);
    assert!(start.elapsed() < Duration::from_secs(10), "left after {:?}", start.elapsed());
}

#[test]
fn a_document_of_fifty_megabytes_arrives_whole() {
    const SIZE: usize = 50 * 1024 * 1024;
    let server = RedisServer::start();
    server.cli(&["SETRANGE", "ff:a", &(SIZE - 1).to_string(), "x"]);
    let mut source = source(&server);
    let documents = source.fetch(&["a", "b"]).unwrap();
    let document = documents[0].as_ref().unwrap();
    assert_eq!((document.len(), document[SIZE - 1], &documents[1]), (SIZE, b'x', &None));
    // Its push came in front of a reply of this size, or comes now; either way the link goes on.
    server.cli(&["SET", "ff:b", "1"]);
    assert!(eventually(SOON, || source.wait(SLICE).unwrap() == keys(&["b"])));
}

#[test]
fn a_dropped_source_leaves_no_connection() {
    let server = RedisServer::start();
    let connections = || server.cli(&["CLIENT", "LIST"]).matches("name=flags-runtime").count();
    let source = connected(&server);
    assert_eq!(connections(), 1);
    drop(source);
    assert!(eventually(SOON, || connections() == 0), "the connection is still there");
}

#[test]
fn an_error_drops_the_connection() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "reader", "on", ">pw", "~*", "-@all", "+hello", "+client|tracking"]);
    let mut source = RedisSource::new(&server.url_as("reader", "pw")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap_err().kind(), SourceErrorKind::Configuration);
    let is_gone = || !server.cli(&["CLIENT", "LIST"]).contains("name=flags-runtime");
    assert!(eventually(SOON, is_gone), "the connection is still there");
}

#[test]
fn something_else_than_redis_is_an_error_and_no_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = RedisSource::new(&url).unwrap().fetch(&["a"]).unwrap_err();
    assert!(error.to_string().contains("does not speak the redis protocol"), "{error}");
    server.join().unwrap();
}

/// How long from a SET to the end of `wait`; printed with `--nocapture`, and far below what polling could do.
#[test]
fn a_push_arrives_in_a_fraction_of_a_millisecond() {
    const ROUNDS: usize = 300;
    let server = RedisServer::start();
    let mut source = connected(&server);
    let mut writer = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    writer.set_nodelay(true).unwrap();
    let (go, rounds) = mpsc::channel();
    let (sent, times) = mpsc::channel();
    let writing = thread::spawn(move || {
        for () in rounds {
            sent.send(Instant::now()).unwrap();
            writer.write_all(b"SET ff:a 1\r\n").unwrap();
            writer.read_exact(&mut [0; 5]).unwrap();
        }
    });
    let mut latencies: Vec<_> = (0..ROUNDS)
        .map(|_| {
            go.send(()).unwrap();
            assert_eq!(next_change(&mut source), keys(&["a"]));
            let seen = Instant::now();
            seen - times.recv().unwrap()
        })
        .collect();
    drop(go);
    writing.join().unwrap();
    latencies.sort_unstable();
    let (p50, p99) = (latencies[ROUNDS / 2], latencies[ROUNDS * 99 / 100]);
    println!("SET to end of wait: p50 {p50:?}, p99 {p99:?}");
    assert!(p50 < Duration::from_millis(20), "p50 {p50:?}");
}
