//! A program with many flags, as the scale bench builds it: it tells what its start, a change, a full re-read and a long list take.
//! Never part of this workspace: the bench puts it into a crate of its own, beside a `flags.rs` of so many flags.
//!
//! Called with the Redis to use, when the caller started it (nanoseconds since 1970), and what to do: `flags` or `list LENGTH`. Answers a
//! line for each measurement: a name and a number, in nanoseconds or bytes.

mod flags;

use std::fmt::Display;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cpu_time::{ProcessTime, ThreadTime};
use flags::{ALL, LISTED};
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{EvaluationContext, builder, flag};

const CHANGES: u64 = 200;
const READS: u32 = 200_000;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, started, what @ ..] = &words[..] else { panic!("url, start and work, please") };
    let guard = builder().source(RedisSource::new(url).unwrap()).heartbeats(false).start().unwrap();
    guard.wait_ready(Duration::from_secs(60)).unwrap();
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut redis = Redis::connect(url);
    match what {
        [word] if word == "flags" => {
            say("start", since_1970.as_nanos() - started.parse::<u128>().unwrap());
            assert!(ALL.iter().zip(1..).all(|(flag, number)| flag.get() == number), "a flag has another value");
            say("memory", memory());
            changes(&mut redis);
            reread(&mut redis);
        }
        [word, length] if word == "list" => list(&mut redis, length.parse().unwrap()),
        _ => panic!("no such work: {what:?}"),
    }
}

fn say(name: &str, number: impl Display) {
    println!("{name} {number}");
}

/// One flag after the other changes, of ten: until it has, and what the threads of the library spend on it.
fn changes(redis: &mut Redis) {
    let (used, mut took) = (others(), Vec::new());
    for number in 0..CHANGES {
        // As many as there are at the least, so that what grows is not only what has left the caches.
        let at = number as usize % 10 * (ALL.len() / 10);
        let value = 1_000_000 + number;
        let begin = Instant::now();
        redis.send(&["SET", &key(at), &document(value)]);
        wait_until(|| ALL[at].get() == value);
        took.push(begin.elapsed());
        redis.answer();
        // As an operator does: not all at once.
        thread::sleep(Duration::from_millis(1));
    }
    took.sort_unstable();
    say("change", took[took.len() / 2].as_nanos());
    say("change-cpu", (others() - used).as_nanos() / u128::from(CHANGES));
}

/// Everything is written anew, so that everything is read anew.
fn reread(redis: &mut Redis) {
    let mut took = Vec::new();
    for round in 2..5 {
        let pairs = (0..ALL.len()).flat_map(|at| [key(at), document(round * 10_000_000 + at as u64)]);
        let words: Vec<String> = std::iter::once("MSET".to_owned()).chain(pairs).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        redis.send(&["MULTI"]);
        redis.send(&["FLUSHALL"]);
        redis.send(&words);
        (0..3).for_each(|_| redis.answer());
        let begin = Instant::now();
        redis.send(&["EXEC"]);
        let expected = |at: usize| round * 10_000_000 + at as u64;
        wait_until(|| ALL.iter().enumerate().all(|(at, flag)| flag.get() == expected(at)));
        took.push(begin.elapsed());
        // An array of two.
        (0..3).for_each(|_| redis.answer());
        thread::sleep(Duration::from_millis(300));
    }
    took.sort_unstable();
    say("reread", took[took.len() / 2].as_nanos());
}

/// A list of users comes, and is read.
fn list(redis: &mut Redis, length: u32) {
    let users: Vec<_> = (0..length).map(|number| format!("\"{}\"", user(number))).collect();
    let document = format!(
        r#"{{"name":"scale_listed","enabled":true,"rollout_percentage":0,"allowed_users":[{}]}}"#,
        users.join(",")
    );
    let last = EvaluationContext::new(user(length - 1));
    redis.send(&["SET", "ff:scale_written", &document]);
    redis.answer();
    drop((document, users));
    // What is ours is still in the caches of the allocator.
    let before = memory();
    let begin = Instant::now();
    // The text comes from the server's own memory, so that what is measured is reading it.
    redis.send(&["COPY", "ff:scale_written", "ff:scale_listed"]);
    wait_until(|| flag!(LISTED, &last));
    say("publish", begin.elapsed().as_nanos());
    redis.answer();
    thread::sleep(Duration::from_millis(300));
    say("memory", memory().saturating_sub(before));
    let asking: Vec<_> =
        (0..1 << 16).map(|n: u32| EvaluationContext::new(user(n.wrapping_mul(2_654_435_761) % length))).collect();
    let mut took = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        let found = (0..READS).filter(|&n| flag!(LISTED, &asking[n as usize % asking.len()])).count();
        took.push(begin.elapsed().as_nanos() / u128::from(READS));
        assert_eq!(found, READS as usize, "somebody of the list is out");
    }
    assert!(!flag!(LISTED, &EvaluationContext::new("user-x")), "a stranger is in");
    took.sort_unstable();
    say("read", took[took.len() / 2]);
}

fn user(number: u32) -> String {
    format!("user-{number:07}")
}

fn key(at: usize) -> String {
    format!("ff:scale_{at}")
}

fn document(value: u64) -> String {
    format!(r#"{{"name":"x","enabled":true,"value":{value}}}"#)
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing comes");
        thread::yield_now();
    }
}

/// CPU time of all threads but this one.
fn others() -> Duration {
    ProcessTime::now().as_duration() - ThreadTime::now().as_duration()
}

/// What the process has in memory.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A connection that writes.
struct Redis(BufReader<TcpStream>);

impl Redis {
    fn connect(url: &str) -> Self {
        let stream = TcpStream::connect(url.trim_start_matches("redis://")).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, words: &[&str]) {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The first line of an answer.
    fn answer(&mut self) {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(!line.starts_with('-'), "{line}");
    }
}
