//! What a dark launch costs its caller, beside its floors. `cargo bench --bench dark_launch`.
//!
//! Each case checks the result that it times. A row of divan's table is 1,000 calls of a function that
//! works for some 3 ns, so a microsecond there is a nanosecond of each call.

use std::hint::black_box;

use divan::Bencher;
use flags_runtime::dark_launch::Stage;
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "bench_off", default = false, expires = "2099-01-01")]
static OFF: Flag<bool>;
#[feature_flag(name = "bench_shadow", default = true, expires = "2099-01-01")]
static SHADOW: Flag<bool>;
#[feature_flag(name = "bench_stages_on", default = Stage::On, expires = "2099-01-01")]
static STAGES_ON: Flag<Stage>;

/// Calls in one measured step: a single one is below the clock's resolution.
const CALLS: u64 = 1000;

fn main() {
    divan::main();
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

fn calls(bencher: Bencher<'_, '_>, call: impl Fn(u64) -> u64 + Sync) {
    let expected = (0..CALLS).fold(0_u64, |sum, seed| sum.wrapping_add(work(seed)));
    bencher.counter(divan::counter::ItemsCount::new(CALLS)).bench(|| {
        let sum = (0..CALLS).fold(0_u64, |sum, seed| sum.wrapping_add(call(black_box(seed))));
        assert_eq!(sum, expected);
    });
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("it waits for nothing"),
    }
}

#[divan::bench(name = "0 floor: a plain call")]
fn a_plain(bencher: Bencher<'_, '_>) {
    calls(bencher, work);
}

#[divan::bench(name = "1 floor: a settled read and a call")]
fn b_gated(bencher: Bencher<'_, '_>) {
    calls(bencher, gated);
}

#[divan::bench(name = "2 off")]
fn c_off(bencher: Bencher<'_, '_>) {
    calls(bencher, off);
}

#[divan::bench(name = "3 stages, on")]
fn d_on(bencher: Bencher<'_, '_>) {
    calls(bencher, on);
}

#[divan::bench(name = "4 sampled out (0 %)")]
fn e_unsampled(bencher: Bencher<'_, '_>) {
    calls(bencher, unsampled);
}

#[divan::bench(name = "5 sampled at 1 %")]
fn f_sampled(bencher: Bencher<'_, '_>) {
    calls(bencher, sampled);
}

#[divan::bench(name = "6 floor: two calls timed by Instant")]
fn g_two(bencher: Bencher<'_, '_>) {
    calls(bencher, |seed| {
        let start = std::time::Instant::now();
        let answer = work(seed);
        let middle = std::time::Instant::now();
        let trial = work(seed);
        let times = (middle - start, middle.elapsed());
        assert_eq!(answer, trial);
        black_box(times);
        answer
    });
}

#[divan::bench(name = "7 shadowed inline")]
fn h_inline(bencher: Bencher<'_, '_>) {
    calls(bencher, inline);
}

#[divan::bench(name = "8 shadowed inline, a future")]
fn i_future(bencher: Bencher<'_, '_>) {
    calls(bencher, |seed| ready(future(seed)));
}

#[divan::bench(name = "9 shadowed detached, what the caller waits for")]
fn j_detached(bencher: Bencher<'_, '_>) {
    calls(bencher, detached);
}
