//! Many connections to one Redis: how long a change takes to all, and what that costs the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::{Change, Source};
use flags_workspace_tests::redis::RedisServer;

/// Flags that each connection has.
const FLAGS: usize = 100;
const CHANGES: usize = 5;
const SLICE: Duration = Duration::from_millis(250);

/// What so many connections take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    /// Until half have a change.
    pub(crate) half: Duration,
    /// Until all have it.
    pub(crate) all: Duration,
    /// CPU time of the server for it.
    pub(crate) server: Duration,
    /// Bytes of the server for each connection.
    pub(crate) memory: f64,
    /// Until all have read everything again after the server was killed.
    pub(crate) back: Duration,
}

pub(crate) fn measure(clients: u32) -> Fleet {
    let count = clients as usize;
    let mut server = RedisServer::with_config(&["maxclients 5000"]);
    let empty = memory(&server);
    let is_over = Arc::new(AtomicBool::new(false));
    let (told, heard) = mpsc::channel();
    let all_connected = Arc::new(Barrier::new(count + 1));
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let (url, told, is_over) = (server.url(), told.clone(), Arc::clone(&is_over));
            let all_connected = Arc::clone(&all_connected);
            let client = move || follow(&url, &told, &is_over, &all_connected);
            thread::Builder::new().stack_size(256 * 1024).spawn(client).unwrap()
        })
        .collect();
    all_connected.wait();
    let memory = (memory(&server) - empty) / f64::from(clients);

    let mut changes: Vec<_> = (0..CHANGES)
        .map(|number| {
            let used = used(&server);
            let begin = Instant::now();
            server.cli(&["SET", "ff:flag0", &format!(r#"{{"name":"flag0","enabled":true,"value":{number}}}"#)]);
            let (half, all) = arrivals(&heard, count, begin);
            (all, half, self::used(&server).saturating_sub(used))
        })
        .collect();
    changes.sort_unstable();
    let (all, half, used) = changes[CHANGES / 2];

    server.kill();
    server.restart();
    let begin = Instant::now();
    let (_, back) = arrivals(&heard, count, begin);
    is_over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    Fleet { half, all, server: used, memory, back }
}

/// One client: the real source, as the library drives it.
fn follow(url: &str, told: &mpsc::Sender<Instant>, is_over: &AtomicBool, all_connected: &Barrier) {
    let names: Vec<_> = (0..FLAGS).map(|n| format!("flag{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut source = RedisSource::new(url).unwrap();
    let mut pause = Duration::from_millis(50);
    while source.fetch(&names).is_err() {
        thread::sleep(pause);
    }
    all_connected.wait();
    while !is_over.load(Ordering::Relaxed) {
        match source.wait(SLICE) {
            Ok(Change::Nothing) => {}
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
                    thread::sleep(pause.mul_f64(0.75));
                    if source.fetch(&names).is_ok() {
                        break;
                    }
                }
                told.send(Instant::now()).unwrap();
            }
        }
    }
}

/// When half and all have told since a moment.
fn arrivals(heard: &mpsc::Receiver<Instant>, clients: usize, begin: Instant) -> (Duration, Duration) {
    let mut times: Vec<_> = (0..clients)
        .map(|_| heard.recv_timeout(Duration::from_secs(60)).expect("a client hears nothing"))
        .map(|at| at.saturating_duration_since(begin))
        .collect();
    times.sort_unstable();
    (times[clients / 2], times[clients - 1])
}

/// CPU time of the server so far.
fn used(server: &RedisServer) -> Duration {
    let info = server.cli(&["INFO", "cpu"]);
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    Duration::from_secs_f64(value("used_cpu_sys:").unwrap() + value("used_cpu_user:").unwrap())
}

/// What the server has in use, in bytes.
fn memory(server: &RedisServer) -> f64 {
    let info = server.cli(&["INFO", "memory"]);
    info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok()).unwrap()
}
