//! What a dark launch costs its caller, beside its floors. `cargo bench --bench dark_launch`; `-- --write` writes the table of the README.

use std::hint::black_box;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use bench_harness::{Bench, Settings, factor, median, nanoseconds};
use flags_runtime::dark_launch::Stage;
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "bench_off", default = false, expires = "2099-01-01")]
static OFF: Flag<bool>;
#[feature_flag(name = "bench_shadow", default = true, expires = "2099-01-01")]
static SHADOW: Flag<bool>;
#[feature_flag(name = "bench_stages_on", default = Stage::On, expires = "2099-01-01")]
static STAGES_ON: Flag<Stage>;

const SEED: u64 = 42;

fn main() {
    let settings = Settings::from_args(Duration::from_secs(20));
    let mut bench = Bench::new();
    let expected = work(SEED);
    bench.floor("a plain call", &expected, || work(black_box(SEED)));
    bench.floor("a settled read and the call", &expected, || gated(black_box(SEED)));
    bench.case("off", &expected, || off(black_box(SEED)));
    bench.case("stages, on", &expected, || on(black_box(SEED)));
    bench.case("sampled out", &expected, || unsampled(black_box(SEED)));
    bench.floor("two calls timed by `Instant`", &expected, timed_twice);
    bench.case("shadowed inline", &expected, || inline(black_box(SEED)));
    bench.case("shadowed inline, a future", &expected, || ready(future(black_box(SEED))));
    bench.case("shadowed inline, 1 % of the calls", &expected, || sampled(black_box(SEED)));
    let mut table = bench.run("call", &settings);
    let (jobs, waiting) = channel::<fn(u64) -> u64>();
    thread::spawn(move || {
        for job in waiting {
            black_box(job(SEED));
        }
    });
    let calls = if settings.is_test { 10 } else { 20_000 };
    let floor = paced(calls, || {
        jobs.send(work).expect("the thread waits for ever");
        work(black_box(SEED))
    });
    let taken = paced(calls, || detached(black_box(SEED)));
    let row =
        |label: &str, time, ratio: String| [label.to_owned(), nanoseconds(time), ratio, String::new(), String::new()];
    table.row(row("floor: the call, and waking a thread for it, every 100 µs", floor, String::new()));
    table.row(row("shadowed detached, every 100 µs", taken, factor(taken / floor)));
    table.publish("README.md", "dark-launch", &settings);
}

/// What the caller waits for, with a pause between calls: at once one after the other most of them would start no trial, since so many
/// are in flight. The median, in nanoseconds.
fn paced(calls: usize, call: impl Fn() -> u64) -> f64 {
    let expected = work(SEED);
    let times = (0..calls).map(|_| {
        let due = Instant::now() + Duration::from_micros(100);
        let start = Instant::now();
        let answer = call();
        let took = start.elapsed();
        assert_eq!(answer, expected);
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        took.as_secs_f64() * 1e9
    });
    median(times.collect())
}

/// A function that does a little.
#[inline(never)]
fn work(seed: u64) -> u64 {
    (0..16).fold(black_box(seed), |sum, step| sum.rotate_left(7) ^ step)
}

#[inline(never)]
fn gated(seed: u64) -> u64 {
    if flag!(OFF) { black_box(0) } else { work(seed) }
}

#[inline(never)]
#[feature_flag(OFF, shadow = work)]
fn off(seed: u64) -> u64 {
    black_box(0) + work(seed)
}

#[inline(never)]
#[feature_flag(STAGES_ON, stages = work)]
fn on(seed: u64) -> u64 {
    work(seed)
}

#[inline(never)]
#[feature_flag(SHADOW, shadow = work, sample = 0)]
fn unsampled(seed: u64) -> u64 {
    work(seed)
}

#[inline(never)]
#[feature_flag(SHADOW, shadow = work, sample = 1)]
fn sampled(seed: u64) -> u64 {
    work(seed)
}

#[inline(never)]
#[feature_flag(SHADOW, shadow = work)]
fn inline(seed: u64) -> u64 {
    work(seed)
}

#[inline(never)]
#[feature_flag(SHADOW, shadow = work, run = detached)]
fn detached(seed: u64) -> u64 {
    work(seed)
}

#[inline(never)]
#[feature_flag(SHADOW, shadow = work_later)]
async fn future(seed: u64) -> u64 {
    work(seed)
}

#[allow(clippy::unused_async, reason = "the two sides have one signature")]
async fn work_later(seed: u64) -> u64 {
    work(seed)
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("it waits for nothing"),
    }
}

fn timed_twice() -> u64 {
    let start = Instant::now();
    let answer = work(black_box(SEED));
    let middle = Instant::now();
    let trial = work(black_box(SEED));
    black_box((middle - start, middle.elapsed()));
    assert_eq!(answer, trial);
    answer
}
