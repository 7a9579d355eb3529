//! A million shadowed calls with candidates that panic, fail, hang and differ, while a Redis comes and goes: every call is
//! answered by the control, memory stays flat, and the counts add up exactly. It stands alone in its file because it
//! looks at the memory of its process.

use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::dark_launch::{self, Report, Verdict};
use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::Admin;
use flags_runtime::{builder, feature_flag};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::RedisServer;

const CALLS: u64 = 250_000;
const THREADS: u64 = 4;
const SOON: Duration = Duration::from_secs(60);

/// What the candidate of a call does: nine in ten times the same.
fn candidate(call: u64) -> Result<u64, String> {
    match call % 40 {
        0 => panic!("candidate {call}"),
        1 => Err(format!("error {call}")),
        2 => Ok(call + 1),
        3 if call % 4000 == 3 => {
            busy(Duration::from_millis(3));
            Ok(call)
        }
        _ => Ok(call),
    }
}

/// How many calls of a flag differ: the first three kinds of the forty.
const DIFFER: u64 = CALLS / 40 * 3;
const LATE: u64 = CALLS / 4000;

#[allow(clippy::unnecessary_wraps, reason = "the two sides have one signature")]
fn control(call: u64) -> Result<u64, String> {
    Ok(call)
}

fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[feature_flag(name = "soak_inline", default = true, expires = "2099-01-01", shadow = control)]
fn inline(call: u64) -> Result<u64, String> {
    candidate(call)
}

#[feature_flag(name = "soak_detached", default = true, expires = "2099-01-01", shadow = control, run = detached,
    timeout = "2ms", max_in_flight = 16)]
fn detached(call: u64) -> Result<u64, String> {
    candidate(call)
}

#[feature_flag(name = "soak_future", default = true, expires = "2099-01-01", shadow = control_later)]
async fn future(call: u64) -> Result<u64, String> {
    if call % 40 == 4 {
        // Not over when the answer is there.
        std::future::pending::<()>().await;
    }
    candidate(call)
}

#[feature_flag(name = "soak_spawned", default = true, expires = "2099-01-01", shadow = control_later, run = detached,
    timeout = "50ms", max_in_flight = 256)]
async fn spawned(call: u64) -> Result<u64, String> {
    if call % 400 == 4 {
        std::future::pending::<()>().await;
    }
    tokio::task::yield_now().await;
    candidate(call)
}

#[allow(clippy::unused_async, reason = "the two sides have one signature")]
async fn control_later(call: u64) -> Result<u64, String> {
    Ok(call)
}

/// Kilobytes that the process holds in memory.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn report(flag: &str) -> Report {
    dark_launch::report(flag).unwrap_or_else(|| panic!("`{flag}` has had no run"))
}

/// What the runs came to, in the order of [`Verdict::ALL`].
fn verdicts(report: &Report) -> u64 {
    Verdict::ALL.iter().map(|verdict| report.count(*verdict)).sum()
}

#[test]
fn a_million_calls_are_answered_by_the_control_and_add_up_exactly() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !dark_launch::in_candidate() {
            hook(info);
        }
    }));
    let mut server = RedisServer::start();
    let source = RedisSource::new(&server.url()).unwrap();
    let guard = builder().source(source).report_interval(Duration::from_millis(100)).start().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();

    let (answered, early) = (AtomicU64::new(0), AtomicU64::new(0));
    let call_all = |call: u64| {
        let answers = [inline(call), detached(call), runtime.block_on(future(call)), runtime.block_on(spawned(call))];
        assert!(answers.iter().all(|answer| *answer == Ok(call)), "{answers:?}");
        if answered.fetch_add(4, Ordering::Relaxed) == CALLS * 4 / 5 {
            early.store(resident().unwrap_or(0), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let call_all = &call_all;
            scope.spawn(move || (thread..CALLS).step_by(usize::try_from(THREADS).unwrap()).for_each(call_all));
        }
        // Comes and goes for as long as anybody calls; how long it is away is what the sleeps are for.
        while answered.load(Ordering::Relaxed) < CALLS * 4 {
            server.kill();
            thread::sleep(Duration::from_millis(200));
            server.restart();
            thread::sleep(Duration::from_millis(200));
            server.stop_process();
            thread::sleep(Duration::from_millis(200));
            server.continue_process();
        }
    });
    let (early, late) = (early.into_inner(), resident().unwrap_or(0));
    assert!(late <= early + 16 * 1024, "{early} kB after a fifth of the calls, {late} kB after all");

    let flags = ["soak_inline", "soak_detached", "soak_future", "soak_spawned"];
    assert!(eventually(SOON, || flags.iter().all(|flag| report(flag).in_flight() == 0)), "trials are still running");
    for flag in flags {
        let report = report(flag);
        assert_eq!(
            (report.runs(), verdicts(&report), report.legacy().ended()),
            (CALLS, CALLS, seated(&report)),
            "{report}"
        );
        assert_eq!((report.faults(), report.mismatches().len()), (0, 32), "{report}");
    }
    // Inline nothing depends on time.
    let inline = report("soak_inline");
    assert_eq!((inline.count(Verdict::Mismatched), inline.count(Verdict::Matched)), (DIFFER, CALLS - DIFFER));
    assert_eq!((inline.body().panics(), inline.body().errors()), (CALLS / 40, CALLS / 40));
    let future = report("soak_future");
    assert_eq!((future.count(Verdict::Mismatched), future.count(Verdict::Unfinished)), (DIFFER, CALLS / 40));
    // Detached some were shed; of the others those that hang or take too long were late.
    for flag in ["soak_detached", "soak_spawned"] {
        let report = report(flag);
        let compared = report.compared() + report.count(Verdict::Late) + report.count(Verdict::Shed);
        assert_eq!(compared, CALLS, "{report}");
        assert!(report.compared() > 0 && report.count(Verdict::Mismatched) <= DIFFER, "{report}");
    }
    assert!(report("soak_detached").count(Verdict::Late) + report("soak_detached").count(Verdict::Shed) >= LATE);

    // What is left in Redis in the end is what was counted here.
    drop(guard);
    let mut admin = Admin::connect(&server.url(), "ff:").unwrap();
    for flag in flags {
        let documents = admin.shadow_documents(flag).unwrap();
        let [document] = &documents[..] else { panic!("{} documents", documents.len()) };
        let left = Report::from_document(flag, document).expect("our own document");
        let counted = report(flag);
        assert_eq!((left.runs(), verdicts(&left)), (CALLS, CALLS), "{left}");
        for verdict in Verdict::ALL {
            assert_eq!(left.count(verdict), counted.count(verdict), "{flag} {verdict:?}");
        }
        assert_eq!(left.body().ended(), counted.body().ended());
    }
}

/// The runs whose answer was observed: all that were not shed, which are plain calls.
fn seated(report: &Report) -> u64 {
    report.runs() - report.count(Verdict::Shed)
}
