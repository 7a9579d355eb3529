//! How it grows: with flags, with the length of a list, with connections. `cargo bench --bench scale` takes some minutes; `-- --write` writes
//! the tables and plots of docs/SPEED.md.
//!
//! Flags are counted in programs that are built for it, each with so many declarations, against a Redis of their own. Needs
//! `redis-server`; Linux, for the memory of a process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails should say where")]

mod connections;
mod plot;
mod programs;

use std::time::Duration;

use bench_harness::{Settings, Table, grouped, nanoseconds};

use self::plot::{Panel, Unit};

const FILE: &str = "docs/SPEED.md";

fn main() {
    let settings = Settings::from_args_without_time();
    flags(&settings);
    list(&settings);
    connections(&settings);
}

fn flags(settings: &Settings) {
    let sizes: &[u32] = if settings.is_test { &[10, 100] } else { &[10, 100, 1000, 10_000] };
    let rounds = if settings.is_test { 1 } else { 5 };
    let measured: Vec<_> = sizes.iter().map(|&size| programs::flags(size, rounds)).collect();
    let mut table = Table::new(&[
        "flags",
        "from the start of the process to all published",
        "one change until it is read",
        "CPU time of the library for it",
        "everything written and read anew",
        "memory of the process",
    ]);
    for (size, of) in sizes.iter().zip(&measured) {
        let time = |name| nanoseconds(of(name));
        let memory = plot::bytes(of("memory"));
        let cells =
            [grouped((*size).into()), time("start"), time("change"), time("change-cpu"), time("reread"), memory];
        table.row(cells);
    }
    table.publish_columns(FILE, "scale-flags", settings);
    let line = |label, name| (label, sizes.iter().zip(&measured).map(|(&size, of)| (size, of(name))).collect());
    let times = Panel {
        unit: Unit::Time,
        lines: vec![
            line("start", "start"),
            line("everything anew", "reread"),
            line("one change", "change"),
            line("one change, CPU", "change-cpu"),
        ],
    };
    let memory = Panel { unit: Unit::Memory, lines: vec![line("memory of the process", "memory")] };
    plot::write("flags", "flags", &[times, memory], settings);
}

fn list(settings: &Settings) {
    let lengths: &[u32] = if settings.is_test { &[100, 1000] } else { &[1000, 10_000, 100_000, 1_000_000] };
    let rounds = if settings.is_test { 1 } else { 5 };
    let measured: Vec<_> = lengths.iter().map(|&length| programs::list(length, rounds)).collect();
    let mut table = Table::new(&["users in one list", "from the change to the first read", "a read", "memory"]);
    for (length, of) in lengths.iter().zip(&measured) {
        let each = of("memory") / f64::from(*length);
        let memory = format!("{}, {each:.0} bytes a user", plot::bytes(of("memory")));
        table.row([grouped((*length).into()), nanoseconds(of("publish")), nanoseconds(of("read")), memory]);
    }
    table.publish_columns(FILE, "scale-list", settings);
    let line = |label, name| (label, lengths.iter().zip(&measured).map(|(&length, of)| (length, of(name))).collect());
    let times =
        Panel { unit: Unit::Time, lines: vec![line("change to first read", "publish"), line("a read", "read")] };
    let memory = Panel { unit: Unit::Memory, lines: vec![line("memory", "memory")] };
    plot::write("list", "users in one list", &[times, memory], settings);
}

fn connections(settings: &Settings) {
    let sizes: &[u32] = if settings.is_test { &[10, 20] } else { &[10, 100, 1000] };
    let measured: Vec<_> = sizes.iter().map(|&size| connections::measure(size)).collect();
    let mut table = Table::new(&[
        "connections to one Redis",
        "a change is with half of them",
        "with all",
        "CPU time of the server",
        "memory of the server for each",
        "all back after a restart",
    ]);
    for (size, of) in sizes.iter().zip(&measured) {
        let cells = [of.half, of.all, of.server, of.back].map(|time| nanoseconds(time.as_secs_f64() * 1e9));
        let [half, all, server, back] = cells;
        table.row([grouped((*size).into()), half, all, server, plot::bytes(of.memory), back]);
    }
    table.publish_columns(FILE, "scale-connections", settings);
    let line = |label, time: fn(&connections::Fleet) -> Duration| {
        (label, sizes.iter().zip(&measured).map(|(&size, of)| (size, time(of).as_secs_f64() * 1e9)).collect())
    };
    let times = Panel {
        unit: Unit::Time,
        lines: vec![
            line("all back after a restart", |of| of.back),
            line("a change is with all", |of| of.all),
            line("CPU of the server", |of| of.server),
        ],
    };
    plot::write("connections", "connections", &[times], settings);
}
