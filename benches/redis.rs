//! How fast a change in Redis arrives, beside a bare PING, and what a fleet costs the server. `cargo bench --bench redis`.
//!
//! First one process: from the `SET` of somebody else to the flipped flag. Then 1,000 connections of the real source: one
//! change until all have it, and all of them again after the server was killed. Needs `redis-server`; times are of the
//! machine that runs both sides.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should say where")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::Source;
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{Flag, builder, feature_flag, flag};
use flags_workspace_tests::redis::RedisServer;

#[feature_flag(name = "bench_update", default = 0, expires = "2099-01-01")]
static UPDATE: Flag<u64>;

fn main() {
    // `-- --test` only shows that it runs.
    let is_test = std::env::args().any(|word| word == "--test");
    let (changes, clients) = if is_test { (20, 20) } else { (2000, 1000) };
    one_process(changes);
    fleet(clients);
}

fn one_process(changes: u64) {
    let server = RedisServer::start();
    let guard = builder().source(RedisSource::new(&server.url()).unwrap()).heartbeats(false).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    let mut writer = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    writer.set_nodelay(true).unwrap();
    let (mut pings, mut flips) = (Vec::new(), Vec::new());
    for update in 1..=changes {
        let start = Instant::now();
        writer.write_all(b"PING\r\n").unwrap();
        writer.read_exact(&mut [0; 7]).unwrap();
        pings.push(start.elapsed());

        let set =
            format!("SET ff:bench_update '{{\"name\":\"bench_update\",\"enabled\":true,\"value\":{update}}}'\r\n");
        let start = Instant::now();
        writer.write_all(set.as_bytes()).unwrap();
        while flag!(UPDATE) != update {
            thread::yield_now();
        }
        flips.push(start.elapsed());
        writer.read_exact(&mut [0; 5]).unwrap();
        // As an operator does: not all at once.
        thread::sleep(Duration::from_millis(1));
    }
    let (ping, flip) = (quantiles(pings), quantiles(flips));
    println!("one process, {changes} changes");
    println!("  a bare PING              p50 {:>8.1?}  p99 {:>8.1?}", ping.0, ping.1);
    println!("  SET -> flag flipped      p50 {:>8.1?}  p99 {:>8.1?}", flip.0, flip.1);
    println!("  ratio                    p50 {:>7.1}x  p99 {:>7.1}x", ratio(flip.0, ping.0), ratio(flip.1, ping.1));
}

fn fleet(clients: usize) {
    let mut server = RedisServer::with_config(&["maxclients 5000"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let (told, heard) = mpsc::channel();
    let all_connected = Arc::new(Barrier::new(clients + 1));
    let names: Vec<_> = (0..100).map(|n| format!("flag{n}")).collect();
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (url, names, told) = (server.url(), names.clone(), told.clone());
            let (is_over, all_connected) = (Arc::clone(&is_over), Arc::clone(&all_connected));
            let client = move || {
                let mut source = RedisSource::new(&url).unwrap();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                let mut pause = Duration::from_millis(50);
                while source.fetch(&names).is_err() {
                    thread::sleep(pause);
                }
                all_connected.wait();
                while !is_over.load(Ordering::Relaxed) {
                    match source.wait(Duration::from_millis(250)) {
                        Ok(flags_runtime::source::Change::Nothing) => {}
                        Ok(_) => {
                            if source.fetch(&names[..1]).is_ok_and(|read| read[0].is_some()) {
                                told.send(Instant::now()).unwrap();
                            }
                        }
                        // As the library does after a loss.
                        Err(_) => {
                            pause = Duration::from_millis(50);
                            loop {
                                pause = (pause * 2).min(Duration::from_secs(5));
                                thread::sleep(pause.mul_f64(f64::midpoint(0.5, 1.0)));
                                if source.fetch(&names).is_ok() {
                                    break;
                                }
                            }
                            told.send(Instant::now()).unwrap();
                        }
                    }
                }
            };
            thread::Builder::new().stack_size(256 * 1024).spawn(client).unwrap()
        })
        .collect();
    all_connected.wait();
    println!("{clients} connections, 100 flags each");

    let cpu = cpu_seconds(&server);
    let start = Instant::now();
    server.cli(&["SET", "ff:flag0", r#"{"name":"flag0","enabled":true}"#]);
    let (p50, p99, last) = arrivals(&heard, clients, start);
    let spent = cpu_seconds(&server) - cpu;
    println!(
        "  one change arrives       p50 {p50:>8.1?}  p99 {p99:>8.1?}  all {last:>8.1?}; CPU of the server {spent:.3} s"
    );

    server.kill();
    server.restart();
    let start = Instant::now();
    let (p50, p99, last) = arrivals(&heard, clients, start);
    let spent = cpu_seconds(&server);
    println!(
        "  all back after a restart p50 {p50:>8.1?}  p99 {p99:>8.1?}  all {last:>8.1?}; CPU of the server {spent:.3} s"
    );
    is_over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// When half, nearly all and all have told since a moment.
fn arrivals(heard: &mpsc::Receiver<Instant>, clients: usize, start: Instant) -> (Duration, Duration, Duration) {
    let mut times: Vec<_> = (0..clients)
        .map(|_| heard.recv_timeout(Duration::from_secs(60)).expect("a client hears nothing"))
        .map(|at| at.saturating_duration_since(start))
        .collect();
    times.sort_unstable();
    (times[clients / 2], times[clients * 99 / 100], times[clients - 1])
}

/// What the server has used so far, in seconds.
fn cpu_seconds(server: &RedisServer) -> f64 {
    let info = server.cli(&["INFO", "cpu"]);
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    value("used_cpu_sys:").unwrap_or(0.0) + value("used_cpu_user:").unwrap_or(0.0)
}

fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
