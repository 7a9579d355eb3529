//! How fast a change in Redis arrives: from the `SET` of somebody else to the flipped flag, beside a bare PING. `cargo bench --bench redis`;
//! `-- --write` writes the table of docs/SPEED.md. Needs `redis-server`; times are of the machine that runs both sides.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should say where")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bench_harness::{Settings, Table, factor, nanoseconds};
use flags_runtime::source::redis::RedisSource;
use flags_runtime::{Flag, builder, feature_flag, flag};
use flags_workspace_tests::redis::RedisServer;

#[feature_flag(name = "bench_update", default = 0, expires = "2099-01-01")]
static UPDATE: Flag<u64>;

fn main() {
    let settings = Settings::from_args(Duration::from_secs(10));
    let server = RedisServer::start();
    let guard = builder().source(RedisSource::new(&server.url()).unwrap()).heartbeats(false).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    let mut writer = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    writer.set_nodelay(true).unwrap();
    let (mut pings, mut flips) = (Vec::new(), Vec::new());
    let end = Instant::now() + if settings.is_test { Duration::from_millis(50) } else { settings.time };
    while Instant::now() < end {
        let start = Instant::now();
        writer.write_all(b"PING\r\n").unwrap();
        writer.read_exact(&mut [0; 7]).unwrap();
        pings.push(start.elapsed());

        let update = pings.len() as u64;
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
    let mut table = Table::new(&["", "half within", "99 % within", "to its floor"]);
    table.row(["floor: a bare PING", &nanoseconds(ping[0]), &nanoseconds(ping[1]), ""]);
    let row =
        ["from a `SET` to the changed flag", &nanoseconds(flip[0]), &nanoseconds(flip[1]), &factor(flip[0] / ping[0])];
    table.row(row);
    table.publish("docs/SPEED.md", "redis", &settings);
}

/// The median and the 99th percentile, in nanoseconds.
fn quantiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100]].map(|time| time.as_secs_f64() * 1e9)
}
