//! Chaos: for a minute a writer changes 50 flags of 8 processes while their server is killed, stopped, cut and flushed.
//!
//! After the last fault every flag of every process equals Redis within 5 s, and no read ever took more than 1 ms of CPU
//! time or gave its turn away, as waiting on a lock would. Without the usual harness, since the processes are this program
//! too. `CHAOS_SECONDS` and `CHAOS_SEED` repeat what a failed run prints.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use flags_runtime::{EvaluationContext, Flag, builder, feature_flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;
use flags_workspace_tests::wire::{Proxy, Weather};

const NAME: &str = "after_the_last_fault_every_process_equals_redis";
const CLIENT: &str = "FLAGS_CHAOS_CLIENT";
const CLIENTS: usize = 8;
/// So many of them hold the last good state when everything vanishes at once.
const GRACEFUL: usize = 2;
const GRACE: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(5);
const SLOWEST_READ: Duration = Duration::from_millis(1);

macro_rules! fifty_flags {
    ($($name:ident $text:literal)*) => {
        $(#[feature_flag(name = $text, default = 0, expires = "2099-01-01")] static $name: Flag<u64>;)*
        static FLAGS: [&Flag<u64>; 50] = [$(&$name),*];
    };
}

fifty_flags! {
    F00 "f00" F01 "f01" F02 "f02" F03 "f03" F04 "f04" F05 "f05" F06 "f06" F07 "f07" F08 "f08" F09 "f09"
    F10 "f10" F11 "f11" F12 "f12" F13 "f13" F14 "f14" F15 "f15" F16 "f16" F17 "f17" F18 "f18" F19 "f19"
    F20 "f20" F21 "f21" F22 "f22" F23 "f23" F24 "f24" F25 "f25" F26 "f26" F27 "f27" F28 "f28" F29 "f29"
    F30 "f30" F31 "f31" F32 "f32" F33 "f33" F34 "f34" F35 "f35" F36 "f36" F37 "f37" F38 "f38" F39 "f39"
    F40 "f40" F41 "f41" F42 "f42" F43 "f43" F44 "f44" F45 "f45" F46 "f46" F47 "f47" F48 "f48" F49 "f49"
}

fn main() {
    if env::var_os(CLIENT).is_some() {
        return client();
    }
    let words: Vec<_> = env::args().skip(1).collect();
    let is_chosen = words.iter().filter(|word| !word.starts_with('-')).all(|word| NAME.contains(word.as_str()));
    if words.iter().any(|word| word == "--list") {
        println!("{NAME}: test");
    } else if is_chosen {
        chaos();
        println!("test {NAME} ... ok");
    }
}

// ---- one process of the fleet

/// What one process says of itself in a line.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Report {
    values: BTreeMap<String, u64>,
    reads: u64,
    /// Reads that took more than [`SLOWEST_READ`] of CPU time.
    slow: u64,
    /// The same for work that shares nothing with anybody: what the machine does to a thread by itself.
    slow_controls: u64,
    /// How often reads gave their turn away.
    waits: u64,
    /// The same for work that shares nothing with anybody: a page fault may wait for the kernel, too.
    control_waits: u64,
    status: String,
}

static READS: AtomicU64 = AtomicU64::new(0);
static SLOW: AtomicU64 = AtomicU64::new(0);
static SLOW_CONTROLS: AtomicU64 = AtomicU64::new(0);
static WAITS: AtomicU64 = AtomicU64::new(0);
static CONTROL_WAITS: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

fn client() {
    let guard = builder().configured_by_env().unwrap().start().unwrap();
    let reader = thread::spawn(read_all_the_while);
    let mut out = std::io::stdout();
    for _ in std::io::stdin().lines() {
        let report = Report {
            values: FLAGS.iter().map(|flag| (flag.declaration().name().to_owned(), flag.get())).collect(),
            reads: READS.load(Ordering::Relaxed),
            slow: SLOW.load(Ordering::Relaxed),
            slow_controls: SLOW_CONTROLS.load(Ordering::Relaxed),
            waits: WAITS.load(Ordering::Relaxed),
            control_waits: CONTROL_WAITS.load(Ordering::Relaxed),
            status: guard.status().to_string(),
        };
        writeln!(out, "{}", serde_json::to_string(&report).unwrap()).unwrap();
        out.flush().unwrap();
    }
    IS_OVER.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}

fn read_all_the_while() {
    let users: Vec<_> = (0..20).map(|n| EvaluationContext::new(format!("u{n}"))).collect();
    while !IS_OVER.load(Ordering::Relaxed) {
        let turns = voluntary_switches();
        for flag in FLAGS {
            for user in &users {
                let is_slow = |work: &dyn Fn() -> u64| {
                    let start = ThreadTime::now();
                    std::hint::black_box(work());
                    u64::from(start.elapsed() > SLOWEST_READ)
                };
                SLOW.fetch_add(is_slow(&|| flag.get_for(user)), Ordering::Relaxed);
                let control = || flags_runtime::bucket("control", user.targeting_key()).to_bits();
                SLOW_CONTROLS.fetch_add(is_slow(&control), Ordering::Relaxed);
            }
        }
        // A thread that waits for a lock gives its turn away; one that is only pushed aside does not.
        WAITS.fetch_add(voluntary_switches() - turns, Ordering::Relaxed);
        let turns = voluntary_switches();
        for user in FLAGS.iter().flat_map(|_| &users) {
            std::hint::black_box(flags_runtime::bucket("control", user.targeting_key()));
        }
        CONTROL_WAITS.fetch_add(voluntary_switches() - turns, Ordering::Relaxed);
        READS.fetch_add(1000, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(5));
    }
}

/// How often this thread has given its turn away; 0 where the system does not tell.
fn voluntary_switches() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

struct Client {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Client {
    fn start(url: &str, grace: Duration) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .env(CLIENT, "1")
            .env("FLAGS_SOURCE", url)
            .env("FLAGS_REFRESH", "1s")
            .env("FLAGS_EMPTY_GRACE", format!("{}s", grace.as_secs()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { questions: process.stdin.take(), answers, process }
    }

    fn report(&mut self) -> Report {
        writeln!(self.questions.as_mut().unwrap(), "?").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The end of its questions is the end of it.
        drop(self.questions.take());
        if !eventually(Duration::from_secs(5), || self.process.try_wait().is_ok_and(|status| status.is_some())) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

// ---- the chaos around it

/// Numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pause(&mut self, longest: u64) {
        thread::sleep(Duration::from_millis(self.roll(longest) + 100));
    }
}

fn chaos() {
    let variable = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = variable("CHAOS_SECONDS").unwrap_or(60);
    let seed = variable("CHAOS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) | 1);
    println!("CHAOS_SEED={seed} CHAOS_SECONDS={seconds}");
    let mut dice = Dice(seed);
    let mut server = RedisServer::with_config(&["appendonly yes", "appendfsync everysec"]);
    let proxy = Proxy::in_front_of(server.port());
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let url = if n % 2 == 0 { server.url() } else { proxy.url().to_owned() };
            Client::start(&url, if n < GRACEFUL { GRACE } else { Duration::ZERO })
        })
        .collect();

    let is_over = AtomicBool::new(false);
    let port = server.port();
    let (written, faults) = thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&is_over, port, Dice(seed.rotate_left(17) | 1)));
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut faults = BTreeMap::new();
        while Instant::now() < end {
            dice.pause(1500);
            *faults.entry(one_fault(&mut server, &proxy, &mut dice)).or_insert(0) += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        (writer.join().unwrap(), faults)
    });
    println!("{written} writes, {faults:?}");
    assert!(written > seconds, "the writer hardly wrote");

    let healed = Instant::now();
    let expected = in_redis(&server);
    for (n, client) in clients.iter_mut().enumerate() {
        let patience = if n < GRACEFUL { RECOVERY + GRACE } else { RECOVERY };
        let mut last = client.report();
        let is_equal = || {
            last = client.report();
            last.values == expected
        };
        let is_equal = eventually(patience.saturating_sub(healed.elapsed()), is_equal);
        assert!(is_equal, "process {n} differs from {expected:?} after {:?}: {last:?}", healed.elapsed());
    }
    println!("all equal after {:?}", healed.elapsed());
    let (mut reads, mut slow, mut slow_controls, mut waits, mut control_waits) = (0, 0, 0, 0, 0);
    for client in &mut clients {
        let report = client.report();
        reads += report.reads;
        slow += report.slow;
        slow_controls += report.slow_controls;
        waits += report.waits;
        control_waits += report.control_waits;
    }
    println!(
        "{reads} reads, {slow} took more than {SLOWEST_READ:?} of CPU time, and of as many controls {slow_controls}; {waits} gave \
         their turn away, and {control_waits} controls"
    );
    assert!(reads > 1_000_000, "hardly any reads");
    // A lock would be waited for at many of the thousands of writes; the kernel lets whatever runs wait now and then.
    assert!(waits <= 2 * control_waits + reads / 10_000_000, "reads gave their turn away");
    // A machine that is shared takes a millisecond away now and then, from whatever runs.
    assert!(slow <= 2 * slow_controls + reads / 1_000_000, "reads are slow");
}

/// Does something bad and mends it; says what.
fn one_fault(server: &mut RedisServer, proxy: &Proxy, dice: &mut Dice) -> &'static str {
    match dice.roll(9) {
        0 => {
            server.kill();
            dice.pause(2000);
            server.restart();
            "killed"
        }
        1 => {
            server.kill();
            server.forget_data();
            dice.pause(1000);
            server.restart();
            "killed with its data"
        }
        2 => {
            server.stop_process();
            dice.pause(4000);
            server.continue_process();
            "stopped"
        }
        3 => {
            proxy.cut();
            "cut"
        }
        4 => {
            proxy.turn(Weather::Blackhole);
            dice.pause(4000);
            proxy.turn(Weather::Fair);
            "blackhole"
        }
        5 => {
            proxy.turn(Weather::Drip);
            dice.pause(3000);
            proxy.turn(Weather::Fair);
            "drip"
        }
        6 => {
            server.cli(&["FLUSHALL"]);
            "flushed"
        }
        7 => {
            server.cli(&["SWAPDB", "0", "1"]);
            "swapped"
        }
        _ => {
            server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            "connections ended"
        }
    }
}

/// Writes and deletes documents, whatever the server does; gives how often it was obeyed.
fn write_until(is_over: &AtomicBool, port: u16, mut dice: Dice) -> u64 {
    let (mut written, mut connection) = (0, None);
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(10));
        let flag = dice.roll(50);
        let line = if dice.roll(20) == 0 {
            format!("DEL ff:f{flag:02}\r\n")
        } else {
            let value = dice.roll(1_000_000);
            format!("SET ff:f{flag:02} '{{\"name\":\"f{flag:02}\",\"enabled\":true,\"value\":{value}}}'\r\n")
        };
        if connection.is_none() {
            connection = TcpStream::connect(("127.0.0.1", port)).ok();
        }
        let is_obeyed = connection.as_mut().is_some_and(|stream: &mut TcpStream| {
            let limit = Some(Duration::from_millis(500));
            let mut answer = [0; 64];
            stream.set_read_timeout(limit).is_ok()
                && stream.write_all(line.as_bytes()).is_ok()
                && stream.read(&mut answer).is_ok_and(|length| length > 0 && answer[0] != b'-')
        });
        if is_obeyed {
            written += 1;
        } else {
            connection = None;
        }
    }
    written
}

/// What every flag should answer by what is in Redis now.
fn in_redis(server: &RedisServer) -> BTreeMap<String, u64> {
    let value = |name: &str| {
        let text = server.cli(&["GET", &format!("ff:{name}")]);
        let document: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        document.and_then(|document| document["value"].as_u64()).unwrap_or(0)
    };
    FLAGS.iter().map(|flag| flag.declaration().name()).map(|name| (name.to_owned(), value(name))).collect()
}
