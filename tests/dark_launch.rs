//! The behaviours of dark launches, one test for each, by the names of scientist's: control is the side that answers,
//! candidate the one on trial. Every test has flags of its own, because what is recorded lives as long as the process.

#![allow(clippy::unnecessary_wraps, clippy::unused_async, reason = "the two sides have one signature")]

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use flags_runtime::dark_launch::{Ended, Experiment, Order, Report, ShadowResult, Stage, Verdict};
use flags_runtime::{Clock, EvaluationContext, Flag, dark_launch, feature_flag, testing};
use flags_workspace_tests::eventually;

const SOON: Duration = Duration::from_secs(10);

fn report(flag: &str) -> Report {
    dark_launch::report(flag).unwrap_or_else(|| panic!("`{flag}` has had no run"))
}

/// What each run came to, as far as it is not zero.
fn verdicts(flag: &str) -> Vec<(Verdict, u64)> {
    let report = report(flag);
    let all = [
        Verdict::Matched,
        Verdict::Mismatched,
        Verdict::Ignored,
        Verdict::Late,
        Verdict::Unfinished,
        Verdict::Shed,
        Verdict::Unjudged,
        Verdict::NotRun,
    ];
    all.into_iter().map(|verdict| (verdict, report.count(verdict))).filter(|(_, count)| *count > 0).collect()
}

/// Runs what panics on purpose, without its message in the output of the tests.
fn quietly<R>(run: impl FnOnce() -> R) -> std::thread::Result<R> {
    static QUIET: std::sync::Once = std::sync::Once::new();
    thread_local! {
        static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    }
    QUIET.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() && !dark_launch::in_candidate() {
                hook(info);
            }
        }));
    });
    IS_QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(false);
    result
}

fn results_of(flag: &'static str) -> (dark_launch::Subscription, mpsc::Receiver<ShadowResult>) {
    let (sender, receiver) = mpsc::channel();
    let subscription = dark_launch::subscribe(move |result| {
        if result.flag() == flag {
            let _ = sender.send(result.clone());
        }
    });
    (subscription.expect("a thread"), receiver)
}

// Running

#[feature_flag(name = "alone", default = true, expires = "2099-01-01")]
static ALONE: Flag<bool>;

#[test]
fn b01_a_control_alone_is_a_plain_call() {
    // Without a control it does not compile: tests/ui/fail/dark-launch-*.
    assert_eq!(dark_launch!(ALONE, control => 7), 7);
    assert!(dark_launch::report("alone").is_none());
}

#[feature_flag(name = "both_run", default = true, expires = "2099-01-01", shadow = legacy_both_run)]
fn both_run(calls: &AtomicU32) -> u32 {
    calls.fetch_add(100, Ordering::SeqCst);
    2
}

fn legacy_both_run(calls: &AtomicU32) -> u32 {
    calls.fetch_add(1, Ordering::SeqCst);
    1
}

#[feature_flag(name = "staged", default = Stage::Off, expires = "2099-01-01", stages = legacy_staged)]
fn staged() -> &'static str {
    "new"
}

fn legacy_staged() -> &'static str {
    "legacy"
}

#[test]
fn b02_both_run_and_the_caller_gets_the_controls_value() {
    let calls = AtomicU32::new(0);
    assert_eq!(both_run(&calls), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 101);
    assert_eq!(verdicts("both_run"), [(Verdict::Mismatched, 1)]);
}

#[test]
fn b02_in_stage_live_they_change_places_and_results_keep_their_names() {
    assert_eq!(staged(), "legacy");
    assert!(dark_launch::report("staged").is_none());
    let shadow = STAGED.force(Stage::Shadow);
    assert_eq!(staged(), "legacy");
    let live = STAGED.force(Stage::Live);
    assert_eq!(staged(), "new");
    let on = STAGED.force(Stage::On);
    assert_eq!(staged(), "new");
    assert_eq!(verdicts("staged"), [(Verdict::Mismatched, 2)]);
    for mismatch in report("staged").mismatches() {
        assert_eq!((mismatch.legacy.as_str(), mismatch.body.as_str()), ("\"legacy\"", "\"new\""));
    }
    drop((shadow, live, on));
}

#[feature_flag(name = "candidate_fails", default = true, expires = "2099-01-01", shadow = legacy_candidate_fails)]
fn candidate_fails(how: u8) -> Result<u8, String> {
    match how {
        0 => panic!("candidate"),
        1 => Err("refused".to_owned()),
        _ => Ok(how),
    }
}

fn legacy_candidate_fails(how: u8) -> Result<u8, String> {
    Ok(how)
}

#[test]
fn b03_a_candidate_that_fails_is_recorded_and_never_reaches_the_caller() {
    for how in 0..3 {
        assert_eq!(quietly(|| candidate_fails(how)).expect("no panic gets out"), Ok(how));
    }
    assert_eq!(verdicts("candidate_fails"), [(Verdict::Matched, 1), (Verdict::Mismatched, 2)]);
    let report = report("candidate_fails");
    assert_eq!((report.body().panics(), report.body().errors()), (1, 1));
    let told: Vec<_> =
        report.mismatches().iter().map(|mismatch| (mismatch.kind.as_str(), mismatch.body.as_str())).collect();
    assert_eq!(
        told,
        [("legacy returned, body panicked", "panicked: candidate"), ("legacy returned, body failed", "Err(refused)")]
    );
}

#[feature_flag(name = "candidate_is_late", default = true, expires = "2099-01-01")]
static CANDIDATE_IS_LATE: Flag<bool>;

#[derive(Debug, Default)]
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[test]
fn b03_b21_a_candidate_that_takes_too_long_by_an_injected_clock_is_late() {
    let clock = Arc::new(ManualClock::default());
    let tick = |milliseconds| {
        clock.0.fetch_add(milliseconds, Ordering::SeqCst);
        1
    };
    let experiment = || {
        Experiment::new(&CANDIDATE_IS_LATE)
            .timeout(Duration::from_millis(100))
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
    };
    assert_eq!(experiment().run(|| tick(7), || tick(100)), 1);
    assert_eq!(experiment().run(|| tick(7), || tick(101)), 1);
    assert_eq!(verdicts("candidate_is_late"), [(Verdict::Matched, 1), (Verdict::Late, 1)]);
    let report = report("candidate_is_late");
    assert_eq!(report.legacy().quantile(1.0).map(|time| time.as_millis()), Some(7));
    assert_eq!(report.body().ended(), 2);
}

#[feature_flag(name = "control_fails", default = true, expires = "2099-01-01", shadow = legacy_control_fails)]
fn control_fails(_how: bool) -> Result<u8, String> {
    Ok(1)
}

#[derive(Debug, PartialEq)]
struct Payload(u32);

fn legacy_control_fails(panics: bool) -> Result<u8, String> {
    if panics {
        panic::panic_any(Payload(42));
    }
    Err("control".to_owned())
}

#[test]
fn b04_the_caller_sees_exactly_the_controls_failure_and_the_candidate_is_recorded() {
    assert_eq!(control_fails(false), Err("control".to_owned()));
    let payload = quietly(|| control_fails(true)).expect_err("the control panics");
    assert_eq!(payload.downcast_ref::<Payload>(), Some(&Payload(42)));
    let report = report("control_fails");
    assert_eq!((report.legacy().errors(), report.legacy().panics(), report.body().ended()), (1, 1, 2));
    assert_eq!(report.count(Verdict::Mismatched), 2);
}

#[feature_flag(name = "order", default = true, expires = "2099-01-01")]
static ORDER: Flag<bool>;

#[test]
fn b05_the_order_is_answer_first_unless_shuffled_per_run() {
    let first = |order| {
        let log = Mutex::new(Vec::new());
        let push = |side| log.lock().unwrap().push(side);
        Experiment::new(&ORDER).order(order).run(|| push("control"), || push("candidate"));
        log.into_inner().unwrap()[0]
    };
    assert!((0..100).all(|_| first(Order::AnswerFirst) == "control"));
    let candidates = (0..200).filter(|_| first(Order::Shuffled) == "candidate").count();
    assert!((40..160).contains(&candidates), "{candidates} of 200");
}

#[feature_flag(name = "unsampled", default = true, expires = "2099-01-01", shadow = legacy_unsampled, sample = 0)]
fn unsampled() -> u8 {
    unreachable!("it is in no sample")
}

fn legacy_unsampled() -> u8 {
    1
}

#[feature_flag(name = "off", default = false, expires = "2099-01-01", shadow = legacy_unsampled)]
fn off() -> u8 {
    unreachable!("the flag is off")
}

#[test]
fn b05_off_or_not_sampled_only_the_control_runs_and_nothing_is_published() {
    let (subscription, results) = results_of("unsampled");
    let (too, of_off) = results_of("off");
    assert_eq!((unsampled(), off()), (1, 1));
    assert!(dark_launch::report("unsampled").is_none() && dark_launch::report("off").is_none());
    drop((subscription, too));
    assert!(results.try_recv().is_err() && of_off.try_recv().is_err());
}

#[feature_flag(name = "rules_fail", default = true, expires = "2099-01-01")]
static RULES_FAIL: Flag<bool>;

#[derive(Debug, PartialEq)]
struct BadClone;

impl Clone for BadClone {
    fn clone(&self) -> Self {
        panic!("clone")
    }
}

#[feature_flag(RULES_FAIL, shadow = legacy_bad_clone)]
fn bad_clone(_argument: BadClone) -> u8 {
    1
}

fn legacy_bad_clone(_argument: BadClone) -> u8 {
    1
}

#[feature_flag(RULES_FAIL, shadow = legacy_bad_keep, keep = |_| -> u8 { panic!("keep") })]
fn bad_keep() -> u8 {
    1
}

fn legacy_bad_keep() -> u8 {
    1
}

#[test]
fn b06_a_rule_that_panics_is_reported_and_the_control_still_answers() {
    let experiment = || Experiment::new(&RULES_FAIL);
    let answers = quietly(|| {
        [
            experiment().compare(|_, _| panic!("compare")).run(|| 1, || 1),
            experiment().ignore(|_, _| panic!("ignore")).run(|| 1, || 2),
            experiment().clean(|_| -> String { panic!("clean") }).run(|| 1, || 2),
            bad_clone(BadClone),
            bad_keep(),
        ]
    });
    assert_eq!(answers.expect("no panic gets out"), [1; 5]);
    assert_eq!(verdicts("rules_fail"), [(Verdict::Mismatched, 2), (Verdict::Unjudged, 3)]);
    let report = report("rules_fail");
    // Of `clean` both sides' texts.
    assert_eq!((report.faults(), report.last_fault()), (6, Some("`keep` panicked: keep")));
    assert_eq!(report.mismatches()[1].legacy, "(`clean` panicked: clean)");
}

#[feature_flag(name = "hook_fails", default = true, expires = "2099-01-01")]
static HOOK_FAILS: Flag<bool>;

#[test]
fn b06_a_hook_that_panics_is_reported_and_called_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let subscription = dark_launch::subscribe(move |result| {
        if result.flag() == "hook_fails" {
            counted.fetch_add(1, Ordering::SeqCst);
            // The hook's thread is not this one: in its panics the quiet hook sees no candidate.
            panic::resume_unwind(Box::new("hook"));
        }
    });
    for _ in 0..3 {
        assert_eq!(Experiment::new(&HOOK_FAILS).run(|| 1, || 1), 1);
    }
    assert!(eventually(SOON, || calls.load(Ordering::SeqCst) == 3 && report("hook_fails").faults() == 3));
    assert_eq!(report("hook_fails").last_fault(), Some("`hook` panicked: hook"));
    drop(subscription);
}

#[feature_flag(name = "in_context", default = true, expires = "2099-01-01", shadow = legacy_in_context,
    context = EvaluationContext::new("user-42").attribute("plan", user))]
fn in_context(user: &str) -> usize {
    user.len()
}

fn legacy_in_context(user: &str) -> usize {
    user.len()
}

#[feature_flag(name = "ambient", default = true, expires = "2099-01-01")]
static AMBIENT: Flag<bool>;

#[test]
fn b07_the_context_reaches_the_published_result_and_its_key_is_hashed() {
    let (_subscription, results) = results_of("in_context");
    in_context("pro");
    let result = results.recv_timeout(SOON).expect("published");
    let ctx = result.context().expect("attached");
    assert_eq!((ctx.targeting_key(), ctx.attribute_value("plan")), ("user-42", Some(&"pro".into())));
    // SHA-256 of `user-42`.
    assert_eq!(result.targeting_key().as_deref(), Some("6d894aa3ee802549"));

    let (_subscription, results) = results_of("ambient");
    EvaluationContext::new("user-7").scope(|| Experiment::new(&AMBIENT).run(|| 1, || 2));
    let result = results.recv_timeout(SOON).expect("published");
    assert_eq!(result.context().map(EvaluationContext::targeting_key), Some("user-7"));
}

// Comparing

#[feature_flag(name = "comparing", default = true, expires = "2099-01-01")]
static COMPARING: Flag<bool>;

#[derive(Clone, Debug)]
enum Failure {
    #[allow(dead_code, reason = "what the text of an error does not tell")]
    Timeout(u32),
    Refused,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timeout(_) => f.write_str("timeout"),
            Self::Refused => f.write_str("refused"),
        }
    }
}

type Outcome = Result<f64, Failure>;

#[feature_flag(name = "errors_by_text", default = true, expires = "2099-01-01", shadow = Clone::clone)]
fn errors_by_text(_: &Outcome) -> Outcome {
    Err(Failure::Timeout(2))
}

#[feature_flag(name = "compared_by", default = true, expires = "2099-01-01", shadow = first,
    compare = |one: &f64, other: &f64| (one - other).abs() < 0.1,
    compare_errors = |one, other| matches!((one, other), (Failure::Refused, Failure::Refused)))]
fn compared_by(outcomes: &[Outcome; 2]) -> Outcome {
    outcomes[1].clone()
}

fn first(outcomes: &[Outcome; 2]) -> Outcome {
    outcomes[0].clone()
}

#[test]
fn b08_values_are_compared_by_equality_or_as_told_and_errors_by_text_or_as_told() {
    assert_eq!(Experiment::new(&COMPARING).run(|| 1, || 1), 1);
    assert_eq!(Experiment::new(&COMPARING).run(|| 1, || 2), 1);
    assert_eq!(verdicts("comparing"), [(Verdict::Matched, 1), (Verdict::Mismatched, 1)]);

    // The same kind and message: equal, although no error has `PartialEq`.
    errors_by_text(&Err(Failure::Timeout(1))).expect_err("the control's");
    errors_by_text(&Err(Failure::Refused)).expect_err("the control's");
    assert_eq!(verdicts("errors_by_text"), [(Verdict::Matched, 1), (Verdict::Mismatched, 1)]);
    assert_eq!(report("errors_by_text").mismatches()[0].kind, "errors differ");

    compared_by(&[Ok(1.0), Ok(1.01)]).expect("the control's");
    compared_by(&[Ok(1.0), Ok(1.2)]).expect("the control's");
    compared_by(&[Err(Failure::Refused), Err(Failure::Refused)]).expect_err("the control's");
    compared_by(&[Err(Failure::Timeout(1)), Err(Failure::Timeout(1))]).expect_err("the control's");
    assert_eq!(verdicts("compared_by"), [(Verdict::Matched, 2), (Verdict::Mismatched, 2)]);
}

#[feature_flag(name = "panics_alike", default = true, expires = "2099-01-01")]
static PANICS_ALIKE: Flag<bool>;

#[test]
fn b08_two_panics_are_equal_if_their_messages_are() {
    for message in ["same", "other"] {
        let run = || Experiment::<u8>::new(&PANICS_ALIKE).run(|| panic!("same"), || panic!("{message}"));
        quietly(run).expect_err("the control panics");
    }
    assert_eq!(verdicts("panics_alike"), [(Verdict::Matched, 1), (Verdict::Mismatched, 1)]);
    assert_eq!(report("panics_alike").mismatches()[0].kind, "both panicked, with different messages");
}

#[feature_flag(name = "one_failed", default = true, expires = "2099-01-01", shadow = first,
    compare = |_, _| true, compare_errors = |_, _| true)]
fn one_failed(outcomes: &[Outcome; 2]) -> Outcome {
    outcomes[1].clone()
}

#[test]
fn b09_one_that_failed_and_one_that_did_not_are_a_mismatch_in_both_directions() {
    one_failed(&[Ok(1.0), Err(Failure::Refused)]).expect("the control's");
    one_failed(&[Err(Failure::Refused), Ok(1.0)]).expect_err("the control's");
    let kinds: Vec<_> = report("one_failed").mismatches().iter().map(|mismatch| mismatch.kind.clone()).collect();
    assert_eq!(kinds, ["legacy returned, body failed", "legacy failed, body returned"]);
}

#[feature_flag(name = "ignoring", default = true, expires = "2099-01-01")]
static IGNORING: Flag<bool>;

#[test]
fn b10_any_ignore_rule_is_enough_and_asking_stops_at_the_first() {
    let asked = Mutex::new(Vec::new());
    let rule = |name: &'static str, holds: bool| {
        let asked = &asked;
        move |_: &u8, _: &u8| {
            asked.lock().unwrap().push(name);
            holds
        }
    };
    let run = |body| {
        Experiment::new(&IGNORING)
            .ignore(rule("a", false))
            .ignore(rule("b", true))
            .ignore(rule("c", true))
            .run(|| 1_u8, || body)
    };
    assert_eq!(run(2), 1);
    assert_eq!(*asked.lock().unwrap(), ["a", "b"]);
    assert_eq!(run(1), 1);
    assert_eq!(asked.lock().unwrap().len(), 2, "a match asks no rule");
    assert_eq!(verdicts("ignoring"), [(Verdict::Matched, 1), (Verdict::Ignored, 1)]);
    assert!(report("ignoring").mismatches().is_empty());
}

// Publishing

#[feature_flag(name = "published", default = true, expires = "2099-01-01", shadow = first)]
fn published(outcomes: &[Outcome; 2]) -> Outcome {
    outcomes[1].clone()
}

#[test]
fn b11_each_run_is_published_once_with_both_observations() {
    let (subscription, results) = results_of("published");
    published(&[Ok(1.0), Ok(1.0)]).expect("the control's");
    published(&[Ok(1.0), Err(Failure::Refused)]).expect("the control's");
    drop(subscription);
    let results: Vec<_> = results.iter().collect();
    assert_eq!(results.len(), 2);
    assert_eq!((results[0].verdict(), results[1].verdict()), (Verdict::Matched, Verdict::Mismatched));
    assert_eq!((results[0].flag(), results[0].stage(), results[0].kind()), ("published", Stage::Shadow, None));
    let (legacy, body) = (results[1].legacy(), results[1].body());
    assert_eq!((legacy.ended, body.ended), (Some(Ended::Returned), Some(Ended::Failed)));
    assert_eq!((legacy.text.as_deref(), body.text.as_deref()), (Some("Ok(1.0)"), Some("Err(refused)")));
    assert!(legacy.duration.is_some() && body.duration.is_some());
}

#[feature_flag(name = "cleaned", default = true, expires = "2099-01-01")]
static CLEANED: Flag<bool>;

#[test]
fn b12_a_cleaner_shapes_what_is_stored_and_nothing_else() {
    let answer = Experiment::new(&CLEANED)
        .clean(|text: &String| format!("{} bytes", text.len()))
        .run(|| "secret".to_owned(), || "secret too".to_owned());
    assert_eq!(answer, "secret");
    let mismatch = report("cleaned").mismatches()[0].clone();
    assert_eq!((mismatch.legacy.as_str(), mismatch.body.as_str(), mismatch.is_clean), ("6 bytes", "10 bytes", true));
    // Compared are the values: what is cleaned to the same is still a mismatch.
    Experiment::new(&CLEANED).clean(|_| "x").run(|| 1, || 2);
    assert_eq!(verdicts("cleaned"), [(Verdict::Mismatched, 2)]);
}

#[feature_flag(name = "moved", default = true, expires = "2099-01-01")]
static MOVED: Flag<bool>;

#[test]
fn b13_a_result_can_be_moved_to_another_task_and_does_not_change() {
    fn is_send_and_static<T: Send + Sync + Clone + 'static>(_: &T) {}
    let (_subscription, results) = results_of("moved");
    Experiment::new(&MOVED).run(|| 1, || 2);
    let result = results.recv_timeout(SOON).expect("published");
    is_send_and_static(&result);
    let before = format!("{result:?}");
    let too = result.clone();
    let elsewhere = std::thread::spawn(move || format!("{too:?}")).join().expect("no panic");
    Experiment::new(&MOVED).run(|| 3, || 4);
    assert_eq!((format!("{result:?}"), elsewhere), (before.clone(), before));
}

// In tests

#[feature_flag(name = "strict", default = true, expires = "2099-01-01", shadow = legacy_strict, sample = 0)]
fn strict(value: u32) -> u32 {
    value / 2
}

fn legacy_strict(value: u32) -> u32 {
    value - value / 2
}

#[feature_flag(name = "not_strict", default = true, expires = "2099-01-01", shadow = legacy_strict)]
fn not_strict(value: u32) -> u32 {
    value / 2
}

#[test]
fn b14_a_mismatch_fails_the_test_and_shows_both_sides_although_panics_are_caught() {
    let failure = quietly(|| {
        let _strict = STRICT.fail_on_mismatch();
        // Settable per flag: the other one may differ. Whatever the sample, every call is a run.
        assert_eq!((not_strict(3), strict(4)), (2, 2));
        strict(3);
    });
    let failure = *failure.expect_err("3 / 2 differs").downcast::<String>().expect("a message");
    assert_eq!(failure, "dark launch `strict`: values differ\n  legacy: 2\n  body:   1");

    // Swallowed at the call, it fails the test where the guard ends.
    let failure = quietly(|| {
        let _strict = testing::fail_on_mismatch();
        catch_unwind(|| strict(3)).expect_err("it fails at the call, too");
    });
    assert!(failure.is_err());
    assert_eq!(strict(3), 2, "nobody is strict any more");
}

// Rust

#[test]
fn b15_under_panic_abort_trials_are_not_run_and_that_is_counted() {
    // This process unwinds; tests/dark_launch_abort.rs builds and runs one that aborts.
    both_run(&AtomicU32::new(0));
    assert_eq!(report("both_run").count(Verdict::NotRun), 0);
}

#[feature_flag(name = "kept", default = true, expires = "2099-01-01", shadow = legacy_kept, keep = |hits: &Hits| hits.0.len())]
fn kept() -> Hits {
    Hits(vec!["a", "b"])
}

fn legacy_kept() -> Hits {
    Hits(vec!["b", "a"])
}

/// No `PartialEq`, no `Debug`, no `Clone`.
struct Hits(Vec<&'static str>);

#[test]
fn b16_what_cannot_be_compared_is_compared_by_what_is_kept_of_it() {
    // What cannot be cloned, borrowed mutably or compared does not compile: tests/ui/fail/dark-launch-*.
    assert_eq!(kept().0, ["b", "a"]);
    assert_eq!(verdicts("kept"), [(Verdict::Matched, 1)]);
}

// Futures

#[feature_flag(name = "slow_candidate", default = true, expires = "2099-01-01", shadow = legacy_slow_candidate)]
async fn slow_candidate(_: Arc<AtomicBool>) -> u8 {
    std::future::pending().await
}

async fn legacy_slow_candidate(is_called: Arc<AtomicBool>) -> u8 {
    tokio::task::yield_now().await;
    is_called.store(true, Ordering::SeqCst);
    1
}

#[tokio::test]
async fn b17_inline_a_slow_candidate_never_delays_the_caller() {
    let is_called = Arc::new(AtomicBool::new(false));
    assert_eq!(slow_candidate(Arc::clone(&is_called)).await, 1);
    assert!(is_called.load(Ordering::SeqCst));
    assert_eq!(verdicts("slow_candidate"), [(Verdict::Unfinished, 1)]);
    assert_eq!(report("slow_candidate").legacy().ended(), 1);
}

/// Says when it is dropped, and panics then.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        panic!("dropped");
    }
}

#[feature_flag(name = "holds_a_lock", default = true, expires = "2099-01-01", shadow = legacy_holds_a_lock, timeout = "50ms")]
async fn holds_a_lock(lock: Arc<tokio::sync::Mutex<()>>) -> u8 {
    let _held = lock.lock().await;
    std::future::pending().await
}

async fn legacy_holds_a_lock(lock: Arc<tokio::sync::Mutex<()>>) -> u8 {
    tokio::task::yield_now().await;
    drop(lock.lock().await);
    1
}

#[tokio::test]
async fn b17_a_hanging_candidate_that_holds_what_the_control_needs_is_dropped_in_time() {
    let answered = tokio::time::timeout(SOON, holds_a_lock(Arc::default())).await;
    assert_eq!(answered, Ok(1), "the timeout wakes the task although nothing else does");
    assert_eq!(verdicts("holds_a_lock"), [(Verdict::Late, 1)]);
}

#[feature_flag(name = "hangs", default = true, expires = "2099-01-01", shadow = legacy_hangs, run = detached, timeout = "20ms")]
fn hangs(gate: Arc<Mutex<()>>) -> u8 {
    drop(gate.lock());
    1
}

fn legacy_hangs(_: Arc<Mutex<()>>) -> u8 {
    1
}

#[feature_flag(name = "beside_hangs", default = true, expires = "2099-01-01", shadow = legacy_strict, run = detached)]
fn beside_hangs(value: u32) -> u32 {
    value - value / 2
}

#[test]
fn b17_a_detached_function_that_never_ends_is_late_and_starves_no_other() {
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    for _ in 0..10 {
        assert_eq!(hangs(Arc::clone(&gate)), 1);
    }
    assert!(eventually(SOON, || verdicts("hangs") == [(Verdict::Late, 10)]), "{}", report("hangs"));
    assert_eq!(report("hangs").legacy().ended(), 10);
    for _ in 0..50 {
        assert_eq!(beside_hangs(3), 2);
    }
    assert!(eventually(SOON, || verdicts("beside_hangs") == [(Verdict::Matched, 50)]), "{}", report("beside_hangs"));
    drop(held);
}

#[feature_flag(name = "bomb", default = true, expires = "2099-01-01")]
static BOMB: Flag<bool>;

#[tokio::test]
async fn b17_what_a_candidate_does_when_it_is_dropped_stays_with_it() {
    let is_dropped = Arc::new(AtomicBool::new(false));
    let bomb = Bomb(Arc::clone(&is_dropped));
    let answer = quietly(|| {
        let future = Experiment::new(&BOMB).run_async(
            || async { 1 },
            || async move {
                let _bomb = bomb;
                std::future::pending().await
            },
        );
        futures_block_on(future)
    });
    assert_eq!(answer.expect("the panic does not get out"), 1);
    assert!(is_dropped.load(Ordering::SeqCst));
    assert_eq!(verdicts("bomb"), [(Verdict::Unfinished, 1)]);
}

/// Polls a future that needs no runtime.
fn futures_block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

#[feature_flag(name = "caller_goes", default = true, expires = "2099-01-01", shadow = legacy_caller_goes)]
async fn caller_goes() -> u8 {
    2
}

async fn legacy_caller_goes() -> u8 {
    std::future::pending().await
}

#[tokio::test]
async fn b17_dropping_the_callers_future_is_no_fault() {
    let waited = tokio::time::timeout(Duration::from_millis(1), caller_goes()).await;
    assert!(waited.is_err());
    assert_eq!(verdicts("caller_goes"), [(Verdict::Unfinished, 1)]);
    assert_eq!(report("caller_goes").faults(), 0);
}

#[feature_flag(name = "detached_future", default = true, expires = "2099-01-01", shadow = legacy_detached_future,
    run = detached, timeout = "100ms", max_in_flight = 2)]
async fn detached_future(gate: Arc<tokio::sync::Semaphore>) -> Result<u8, Failure> {
    let _permit = gate.acquire().await.expect("not closed");
    assert!(dark_launch::in_candidate());
    Ok(2)
}

async fn legacy_detached_future(_: Arc<tokio::sync::Semaphore>) -> Result<u8, Failure> {
    assert!(!dark_launch::in_candidate());
    Ok(1)
}

#[tokio::test]
async fn b17_detached_on_a_current_thread_runtime_bounded_shed_and_with_a_deadline() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    for _ in 0..3 {
        // Nobody opens the gate: the caller does not wait for it.
        assert_eq!(detached_future(Arc::clone(&gate)).await.expect("the control's"), 1);
    }
    assert_eq!(verdicts("detached_future"), [(Verdict::Shed, 1)]);
    assert_eq!(report("detached_future").in_flight(), 2);
    gate.add_permits(1);
    let over = async {
        while report("detached_future").in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, over).await.expect("they end");
    assert_eq!(verdicts("detached_future"), [(Verdict::Mismatched, 2), (Verdict::Shed, 1)]);

    let shut = Arc::new(tokio::sync::Semaphore::new(0));
    assert_eq!(detached_future(shut).await.expect("the control's"), 1);
    let late = async {
        while report("detached_future").count(Verdict::Late) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, late).await.expect("the deadline ends it");
}

#[feature_flag(name = "detached", default = true, expires = "2099-01-01", shadow = legacy_detached, run = detached)]
fn detached(gate: Arc<Mutex<()>>, text: String) -> String {
    drop(gate.lock());
    text + "!"
}

fn legacy_detached(_: Arc<Mutex<()>>, text: String) -> String {
    text
}

#[test]
fn b17_a_detached_function_runs_on_the_pool_and_its_caller_is_gone() {
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    let ctx = EvaluationContext::new("user-1");
    let (_subscription, results) = results_of("detached");
    assert_eq!(ctx.scope(|| detached(Arc::clone(&gate), "x".to_owned())), "x");
    assert_eq!(report("detached").in_flight(), 1);
    drop(held);
    let result = results.recv_timeout(SOON).expect("published");
    assert_eq!((result.verdict(), result.body().text.as_deref()), (Verdict::Mismatched, Some("\"x!\"")));
    assert_eq!(result.context().map(EvaluationContext::targeting_key), Some("user-1"));
}

#[feature_flag(name = "strict_detached", default = true, expires = "2099-01-01", shadow = legacy_strict, run = detached)]
fn strict_detached(value: u32) -> u32 {
    value / 2
}

#[feature_flag(name = "strict_future", default = true, expires = "2099-01-01", shadow = legacy_strict_future, run = detached)]
async fn strict_future(value: u32) -> u32 {
    tokio::task::yield_now().await;
    value / 2
}

async fn legacy_strict_future(value: u32) -> u32 {
    legacy_strict(value)
}

#[test]
fn b14_a_detached_mismatch_fails_the_test_as_well() {
    let failure = quietly(|| {
        let _strict = testing::fail_on_mismatch();
        strict_detached(3);
    });
    assert!(failure.is_err());
}

#[tokio::test]
async fn b14_a_detached_future_is_waited_for_without_blocking_its_thread() {
    let guard = testing::fail_on_mismatch();
    assert_eq!(strict_future(4).await, 2);
    guard.trials().await;
    drop(guard);

    let guard = testing::fail_on_mismatch();
    assert_eq!(strict_future(3).await, 2);
    guard.trials().await;
    assert!(quietly(|| drop(guard)).is_err());
}

#[feature_flag(name = "half", default = true, expires = "2099-01-01")]
static HALF: Flag<bool>;

#[test]
fn b18_sampling_at_100_at_0_and_between() {
    let run = |percent| {
        let tried = Cell::new(0);
        for _ in 0..1000 {
            Experiment::new(&HALF).sample(percent).run(
                || 1,
                || {
                    tried.set(tried.get() + 1);
                    1
                },
            );
        }
        tried.get()
    };
    assert_eq!((run(100.0), run(0.0), run(-1.0), run(f64::NAN), run(1000.0)), (1000, 0, 0, 0, 1000));
    let half = run(50.0);
    assert!((350..650).contains(&half), "{half} of 1000");
}

#[feature_flag(name = "outer", default = true, expires = "2099-01-01")]
static OUTER: Flag<bool>;
#[feature_flag(name = "inner", default = true, expires = "2099-01-01")]
static INNER: Flag<bool>;
#[feature_flag(name = "recursive", default = Stage::Live, expires = "2099-01-01", stages = legacy_factorial)]
fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * factorial(n - 1) }
}

fn legacy_factorial(n: u64) -> u64 {
    (1..=n).product()
}

fn inner(calls: &AtomicU32) -> u32 {
    Experiment::new(&INNER).run(
        || 1,
        || {
            calls.fetch_add(1, Ordering::SeqCst);
            1
        },
    )
}

#[test]
fn b19_nested_and_recursive_wrappers_and_one_called_from_a_rule() {
    let calls = AtomicU32::new(0);
    // In the control a run of its own; in the candidate, the comparator and the ignore rule the control alone.
    let answer = Experiment::new(&OUTER)
        .compare(|_, _| inner(&calls) == 2)
        .ignore(|_, _| inner(&calls) == 1)
        .run(|| inner(&calls), || inner(&calls));
    assert_eq!((answer, calls.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(verdicts("outer"), [(Verdict::Ignored, 1)]);
    assert_eq!(factorial(10), 3_628_800);
    assert_eq!(verdicts("recursive"), [(Verdict::Matched, 11)]);
}

#[feature_flag(name = "inner_of_hook", default = true, expires = "2099-01-01")]
static INNER_OF_HOOK: Flag<bool>;
#[feature_flag(name = "blocked_hook", default = true, expires = "2099-01-01")]
static BLOCKED_HOOK: Flag<bool>;

#[test]
fn b19_b20_a_hook_that_blocks_or_calls_a_wrapper_stops_nobody_and_memory_is_bounded() {
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    let (blocked, was_called) = (Arc::clone(&gate), Arc::new(AtomicBool::new(false)));
    let called = Arc::clone(&was_called);
    let subscription = dark_launch::subscribe(move |result| {
        if result.flag() == "blocked_hook" {
            drop(blocked.lock());
            Experiment::new(&INNER_OF_HOOK).run(|| 1, || 2);
            called.store(true, Ordering::SeqCst);
        }
    })
    .expect("a thread");
    for run in 0..20_000_u32 {
        assert_eq!(Experiment::new(&BLOCKED_HOOK).run(|| run, || run + 1), run);
    }
    // All the other tests' results go through the same queue of 1,024.
    assert!(subscription.dropped() >= 20_000 - 1_025, "{}", subscription.dropped());
    let report = report("blocked_hook");
    assert_eq!((report.runs(), report.count(Verdict::Mismatched)), (20_000, 20_000));
    assert_eq!((report.mismatches().len(), report.mismatches()[31].legacy.as_str()), (32, "19999"));
    drop(held);
    assert!(eventually(SOON, || was_called.load(Ordering::SeqCst)));
    drop(subscription);
    assert!(dark_launch::report("inner_of_hook").is_none(), "a wrapper in a hook runs its control alone");
}

#[feature_flag(name = "many_kinds", default = true, expires = "2099-01-01", shadow = legacy_kinds)]
fn kinds(path: &'static str) -> Fields {
    Fields { path, value: 2 }
}

fn legacy_kinds(path: &'static str) -> Fields {
    Fields { path, value: 1 }
}

#[derive(PartialEq)]
struct Fields {
    path: &'static str,
    value: u8,
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").field(self.path, &self.value).finish()
    }
}

#[test]
fn b20_kinds_of_mismatch_are_bounded_too() {
    for n in 0..200 {
        let name: &'static str = Box::leak(format!("field_{n}").into_boxed_str());
        kinds(name);
    }
    let report = report("many_kinds");
    assert_eq!(report.kinds().len(), 65);
    assert_eq!(report.kinds()[0], ("other kinds".to_owned(), 136));
    assert_eq!(report.kinds()[1], ("values differ in `field_0`".to_owned(), 1));
}

#[feature_flag(name = "off_the_path", default = true, expires = "2099-01-01")]
static OFF_THE_PATH: Flag<bool>;

#[test]
fn b21_a_detached_comparison_is_off_the_callers_path() {
    let caller = std::thread::current().id();
    let (sender, compared) = mpsc::channel();
    let answer = Experiment::<u8>::new(&OFF_THE_PATH)
        .compare(move |_, _| {
            sender.send(std::thread::current().id()).expect("somebody listens");
            true
        })
        .run_detached(|| 1, || 1);
    assert_eq!(answer, 1);
    assert_ne!(compared.recv_timeout(SOON).expect("compared"), caller);
}

#[feature_flag(name = "noisy", default = true, expires = "2099-01-01", shadow = legacy_noisy, noise = 50)]
fn noisy(_: &AtomicU64) -> u64 {
    u64::MAX
}

fn legacy_noisy(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn b22_an_a_a_run_tells_how_much_of_the_mismatch_is_noise() {
    let counter = AtomicU64::new(0);
    for _ in 0..400 {
        noisy(&counter);
    }
    let report = report("noisy");
    let (runs, mismatches) = report.noise();
    assert_eq!(report.runs() + runs, 400);
    assert!((120..280).contains(&runs), "{runs} of 400");
    assert_eq!((mismatches, report.count(Verdict::Mismatched)), (runs, report.runs()));
    assert_eq!(report.kinds(), [("values differ".to_owned(), report.runs())]);
    assert!(report.verdict().contains("differ when legacy is compared with itself"), "{}", report.verdict());
}

#[feature_flag(name = "by_hand", default = Stage::Shadow, expires = "2099-01-01")]
static BY_HAND: Flag<Stage>;

#[tokio::test]
async fn an_experiment_by_hand_has_all_that_the_attribute_has() {
    let ctx = EvaluationContext::new("user-1");
    // Errors without `PartialEq`, counted as errors.
    let fails = |number| move || Err::<u8, _>(Failure::Timeout(number));
    Experiment::new_fallible(&BY_HAND).run(fails(1), fails(2)).expect_err("the control's");
    Experiment::new_fallible_for(&BY_HAND, &ctx).run(|| Ok::<_, Failure>(1), fails(2)).expect("the control's");
    assert_eq!(verdicts("by_hand"), [(Verdict::Matched, 1), (Verdict::Mismatched, 1)]);
    assert_eq!((report("by_hand").legacy().errors(), report("by_hand").body().errors()), (1, 2));
    // What is compared by a part.
    let hits = Experiment::<usize>::new(&BY_HAND).keep(|hits: &Hits| hits.0.len()).run(legacy_kept, kept);
    assert_eq!(hits.0, ["b", "a"]);
    // A/A runs.
    assert_eq!(Experiment::new(&BY_HAND).noise(100).run_noisy(|| 1, || 2), 1);
    assert_eq!(Experiment::new(&BY_HAND).noise(100).run_async_noisy(|| async { 1 }, || async { 2 }).await, 1);
    assert_eq!(report("by_hand").noise(), (2, 0));
    // Futures, here and elsewhere.
    assert_eq!(Experiment::new(&BY_HAND).run_async(|| async { 1 }, || async { 2 }).await, 1);
    assert_eq!(Experiment::new(&BY_HAND).run_detached_async(|| async { 1 }, || async { 2 }).await, 1);
    assert_eq!(Experiment::new(&BY_HAND).max_in_flight(0).run_detached(|| 1, || 2), 1);
    let over = async {
        while report("by_hand").in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, over).await.expect("the trial ends");
    assert_eq!(verdicts("by_hand"), [(Verdict::Matched, 2), (Verdict::Mismatched, 3), (Verdict::Shed, 1)]);
}

// Time that really passes

#[feature_flag(name = "timed", default = true, expires = "2099-01-01", shadow = legacy_timed)]
fn timed() -> bool {
    busy(Duration::from_millis(4))
}

fn legacy_timed() -> bool {
    busy(Duration::from_millis(1))
}

#[feature_flag(name = "timed_inner", default = true, expires = "2099-01-01", shadow = legacy_timed)]
fn timed_inner() -> bool {
    busy(Duration::from_millis(100))
}

#[feature_flag(name = "timed_outer", default = true, expires = "2099-01-01", shadow = timed_inner)]
fn timed_outer() -> bool {
    timed_inner()
}

#[feature_flag(name = "timed_future", default = true, expires = "2099-01-01", shadow = legacy_timed_future)]
async fn timed_future() -> bool {
    busy(Duration::from_millis(100))
}

async fn legacy_timed_future() -> bool {
    legacy_timed()
}

#[tokio::test]
async fn what_trials_take_is_in_no_latency_but_theirs() {
    let below = |time: Option<Duration>| time.is_some_and(|time| time < Duration::from_millis(60));
    assert!(timed_outer());
    let (outer, inner) = (report("timed_outer"), report("timed_inner"));
    assert!(below(outer.legacy().quantile(1.0)) && below(outer.body().quantile(1.0)), "{outer}");
    assert!(below(inner.legacy().quantile(1.0)) && !below(inner.body().quantile(1.0)), "{inner}");
    assert!(timed_future().await);
    let future = report("timed_future");
    assert!(below(future.legacy().quantile(1.0)) && !below(future.body().quantile(1.0)), "{future}");
}

#[feature_flag(name = "biased", default = true, expires = "2099-01-01", shadow = legacy_biased)]
async fn biased(call: u32) -> u32 {
    if call % 50 == 0 {
        std::future::pending::<()>().await;
    }
    call
}

async fn legacy_biased(call: u32) -> u32 {
    call
}

#[tokio::test]
async fn a_verdict_is_not_silent_about_runs_that_were_not_compared() {
    for call in 0..1000 {
        assert_eq!(biased(call).await, call);
    }
    let verdict = report("biased").verdict();
    assert!(verdict.contains("20 of 1,000 runs (2.0 %) were not compared: 20 unfinished"), "{verdict}");
}

fn busy(time: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
    true
}

#[test]
fn latencies_of_both_sides_are_measured() {
    assert!(timed());
    let report = report("timed");
    let (legacy, body) = (report.legacy().quantile(0.5), report.body().quantile(0.5));
    assert!(
        legacy >= Some(Duration::from_micros(990)) && body >= Some(Duration::from_micros(3960)),
        "{legacy:?} {body:?}"
    );
}
