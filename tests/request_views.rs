//! One answer per flag and request, whatever is published meanwhile; and what it costs flags that nobody changes.
//!
//! The source is process-wide, so the tests of this file take turns.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::{MemorySource, MemoryWriter};
use flags_runtime::{
    EvaluationContext, Flag, FlagValue, Guard, Reason, RequestScope, builder, context, feature_flag, flag, status,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::turn::Turn;

#[derive(Clone, Copy, Debug, PartialEq, Eq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

#[feature_flag(name = "view_checkout", default = false, expires = "2099-01-01")]
static CHECKOUT: Flag<bool>;
#[feature_flag(name = "view_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "view_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "view_title", default = "declared", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "view_half", default = 0, expires = "2099-01-01")]
static HALF: Flag<u64>;

const SOON: Duration = Duration::from_secs(10);
const ON: &str = r#"{"enabled":true}"#;
const NOBODY: &str = r#"{"enabled":true,"rollout_percentage":0}"#;
const KILLED: &str = r#"{"enabled":false}"#;

struct Running {
    writer: MemoryWriter,
    _guard: Guard,
    _turn: Turn,
}

fn start() -> Running {
    let turn = Turn::take();
    let source = MemorySource::new();
    let writer = source.writer();
    let guard = builder().source(source).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    Running { writer, _guard: guard, _turn: turn }
}

/// Outside of any request.
fn live<R: Send>(read: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(read).join().unwrap())
}

impl Running {
    fn set(&self, key: &str, document: &str, arrived: impl Fn() -> bool + Send + Sync) {
        self.writer.set(key, document);
        assert!(eventually(SOON, || live(&arrived)), "{key} {document} does not arrive");
    }
}

fn request() -> RequestScope {
    RequestScope::new(EvaluationContext::new("ada"))
}

#[test]
fn a_request_keeps_the_answer_that_it_began_with_and_the_next_one_has_the_new_one() {
    let running = start();
    request().scope(|| {
        assert!(!flag!(CHECKOUT));
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        assert!(!flag!(CHECKOUT), "as before, from the settled cell");
        // Not read before: it is as it was when the request began, all the same.
        running.set("view_pricing", r#"{"enabled":true,"value":"variant_a"}"#, || flag!(PRICING) == Pricing::VariantA);
        assert_eq!(flag!(PRICING), Pricing::Control);
        assert_eq!(flag!(PRICING, &EvaluationContext::new("bob")), Pricing::Control, "whoever is asked for");
        assert_eq!(PRICING.configured(), None);
        running.set("view_title", r#"{"enabled":true,"value":"first"}"#, || flag!(TITLE) == "first");
        assert_eq!(flag!(TITLE), "declared");
    });
    request().scope(|| {
        assert!(flag!(CHECKOUT));
        assert_eq!(flag!(PRICING), Pricing::VariantA);
        assert_eq!(flag!(TITLE), "first");
        running.set("view_title", r#"{"enabled":true,"value":"second"}"#, || flag!(TITLE) == "second");
        running.set("view_title", r#"{"enabled":true,"value":"third"}"#, || flag!(TITLE) == "third");
        assert_eq!(flag!(TITLE), "first");
        running.writer.remove("view_pricing");
        assert!(eventually(SOON, || live(|| flag!(PRICING) == Pricing::Control)));
        assert_eq!(flag!(PRICING), Pricing::VariantA);
    });
    assert_eq!((flag!(PRICING), &*flag!(TITLE)), (Pricing::Control, "third"));
}

#[test]
fn a_kill_holds_at_once_and_for_the_rest_of_the_request() {
    let running = start();
    running.set("view_checkout", ON, || flag!(CHECKOUT));
    request().scope(|| {
        assert!(flag!(CHECKOUT));
        running.set("view_checkout", KILLED, || !flag!(CHECKOUT));
        assert_eq!((flag!(CHECKOUT), flag!(CHECKOUT, details).reason), (false, Reason::Disabled));
        // Lifted: this request has seen it off, or could have.
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        assert_eq!((flag!(CHECKOUT), flag!(CHECKOUT, details).reason), (false, Reason::Disabled));
    });
    assert!(request().scope(|| flag!(CHECKOUT)));
}

#[test]
fn a_kill_reaches_answers_that_are_remembered() {
    let running = start();
    let half = r#"{"enabled":true,"rollout_percentage":50,"value":7}"#;
    running.set("view_half", half, || HALF.configured() == Some(7));
    let key =
        (0..1000).map(|n| format!("user-{n}")).find(|key| flag!(HALF, &EvaluationContext::new(key)) == 7).unwrap();
    RequestScope::new(EvaluationContext::new(key)).scope(|| {
        assert_eq!((flag!(HALF), flag!(HALF)), (7, 7));
        running.set("view_half", r#"{"enabled":false,"value":7}"#, || HALF.configured().is_none());
        assert_eq!(flag!(HALF), 0);
    });
}

#[test]
fn what_is_remembered_outlives_changes_of_other_flags_but_not_of_its_own() {
    let running = start();
    let half = r#"{"enabled":true,"rollout_percentage":50,"value":7}"#;
    running.set("view_half", half, || HALF.configured() == Some(7));
    // An evaluation without a key is counted, a remembered answer is not one.
    let evaluated = || {
        let missing = status().missing_keys;
        missing.iter().find(|missing| missing.flag == "view_half").map_or(0, |missing| missing.count)
    };
    let anonymous = RequestScope::new(EvaluationContext::anonymous());
    anonymous.scope(|| {
        let first = flag!(HALF);
        let once = evaluated();
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        assert_eq!(flag!(HALF), first);
        assert_eq!(evaluated(), once, "another flag has changed, and this one was evaluated anew");
        running.set("view_half", &half.replace('7', "8"), || HALF.configured() == Some(8));
        assert_eq!(flag!(HALF), first, "the request began before");
        assert!(evaluated() > once, "what was remembered is not looked at where the flag has changed");
    });
    let next = RequestScope::new(EvaluationContext::anonymous());
    next.scope(|| {
        assert_eq!(flag!(HALF), flag!(HALF));
        let once = evaluated();
        assert!([0, 8].contains(&flag!(HALF)));
        assert_eq!(evaluated(), once);
    });
}

#[test]
fn what_was_remembered_before_a_kill_does_not_come_back_when_it_is_lifted() {
    let running = start();
    let half = r#"{"enabled":true,"rollout_percentage":99,"value":7}"#;
    running.set("view_half", half, || HALF.configured() == Some(7));
    request().scope(|| {
        assert_eq!((flag!(HALF), flag!(HALF)), (7, 7), "ada is no longer among the 99 %");
        running.set("view_half", KILLED, || HALF.configured().is_none());
        assert_eq!(flag!(HALF), 0);
        running.set("view_half", half, || HALF.configured() == Some(7));
        assert_eq!(flag!(HALF), 0);
    });
    assert_eq!(request().scope(|| flag!(HALF)), 7);
}

#[test]
fn answers_are_remembered_for_each_flag_and_user() {
    let running = start();
    let half = r#"{"enabled":true,"rollout_percentage":50,"value":"half"}"#;
    running.set("view_title", half, || TITLE.configured().is_some());
    running.set("view_half", &half.replace("\"half\"", "5"), || HALF.configured().is_some());
    let users: Vec<_> = (0..200).map(|n| EvaluationContext::new(format!("user-{n}"))).collect();
    let expected: Vec<_> = users.iter().map(|ctx| (flag!(TITLE, ctx).into_owned(), flag!(HALF, ctx))).collect();
    assert!(expected.iter().any(|(title, half)| title == "half" && *half == 0), "they are not the same users");
    request().scope(|| {
        for _ in 0..3 {
            for (ctx, expected) in users.iter().zip(&expected) {
                assert_eq!(&(flag!(TITLE, ctx).into_owned(), flag!(HALF, ctx)), expected);
                assert_eq!(&(flag!(TITLE, ctx).into_owned(), flag!(HALF, ctx)), expected, "at once again");
                let inner = ctx.scope(|| (flag!(TITLE).into_owned(), flag!(HALF)));
                assert_eq!(&inner, expected);
            }
        }
    });
}

#[test]
fn after_its_time_a_request_reads_live() {
    let running = start();
    request().lasting(Duration::from_millis(50)).scope(|| {
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        assert!(eventually(SOON, || flag!(CHECKOUT)), "its time is up");
    });
    // What a kill that was lifted has left behind goes with the view.
    request().lasting(Duration::from_millis(300)).scope(|| {
        running.set("view_checkout", KILLED, || !flag!(CHECKOUT));
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        assert!(eventually(SOON, || flag!(CHECKOUT)), "its time is up");
        assert!(flag!(CHECKOUT), "and does not come back");
    });
    let live_at_once = request().lasting(Duration::ZERO);
    live_at_once.scope(|| {
        running.set("view_checkout", NOBODY, || !flag!(CHECKOUT));
        assert!(!flag!(CHECKOUT));
    });
}

#[test]
fn a_request_within_a_request_has_the_view_of_the_outer_one() {
    let running = start();
    request().scope(|| {
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        let inner = RequestScope::new(EvaluationContext::new("bob"));
        assert_eq!(inner.scope(|| (flag!(CHECKOUT), context::current())), (false, Some(EvaluationContext::new("bob"))));
        assert_eq!(context::current(), Some(EvaluationContext::new("ada")));
    });
}

#[test]
fn what_is_carried_has_the_view_and_what_is_not_has_none() {
    let running = start();
    let (carried, spawned) = request().scope(|| {
        running.set("view_checkout", ON, || flag!(CHECKOUT));
        let carried = context::carry(|| (flag!(CHECKOUT), context::current().is_some()));
        let spawned = thread::spawn(|| (flag!(CHECKOUT), context::current().is_some()));
        (thread::spawn(carried).join().unwrap(), spawned.join().unwrap())
    });
    assert_eq!((carried, spawned), ((false, true), (true, false)));
    // Also beyond the request: a task that it left behind ends as it began.
    let later = request().scope(|| context::carry(|| flag!(CHECKOUT)));
    running.set("view_checkout", NOBODY, || !flag!(CHECKOUT));
    assert!(later());
}

#[test]
fn a_panic_in_a_request_leaves_nothing_behind() {
    let running = start();
    let panicked = std::panic::catch_unwind(|| request().scope(|| panic!("on purpose")));
    assert!(panicked.is_err());
    running.set("view_checkout", ON, || flag!(CHECKOUT));
    assert!(flag!(CHECKOUT) && context::current().is_none());
    assert!(CHECKOUT.__core().is_settled());
}

#[test]
fn a_flag_is_settled_again_when_the_last_older_request_is_over() {
    let running = start();
    let (first, second) = (context_held(), context_held());
    running.set("view_checkout", ON, || flag!(CHECKOUT));
    assert!(!CHECKOUT.__core().is_settled(), "two requests still go by what was before");
    drop(first);
    assert!(flag!(CHECKOUT) && !CHECKOUT.__core().is_settled());
    // A newer one does not hold it.
    let newer = context_held();
    drop(second);
    assert!(flag!(CHECKOUT));
    assert!(CHECKOUT.__core().is_settled(), "the first read behind the last older request settles it");
    drop(newer);
    // Of a flag that is killed nothing is to be held.
    let open = context_held();
    running.set("view_checkout", KILLED, || !flag!(CHECKOUT));
    assert!(CHECKOUT.__core().is_settled());
    drop(open);
}

#[test]
fn a_request_that_never_ends_holds_flags_for_its_time_only() {
    let running = start();
    let endless = request().lasting(Duration::from_millis(100)).scope(|| context::carry(|| flag!(CHECKOUT)));
    running.set("view_checkout", ON, || flag!(CHECKOUT));
    assert!(eventually(SOON, || {
        // As any publish does.
        running.set("view_cart", ON, || true);
        flag!(CHECKOUT) && CHECKOUT.__core().is_settled()
    }));
    assert!(endless());
}

/// An open request, as a value.
fn context_held() -> impl FnOnce() {
    request().scope(|| context::carry(|| ()))
}

/// Requests that read two flags and a settled one many times, while all three change 2,000 times: together, as a file or a
/// failover changes them.
#[test]
fn no_request_sees_two_answers_while_flags_change_all_the_time() {
    let running = start();
    let (is_over, requests, torn_live) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let values = ["control", "variant_a", "variant_b"];
    let read = || {
        let ada = EvaluationContext::new("ada");
        let all = || (flag!(PRICING), flag!(HALF), flag!(TITLE, &ada).into_owned(), flag!(CART));
        let first = all();
        (0..40).all(|round| {
            if round % 8 == 0 {
                thread::yield_now();
            }
            all() == first
        })
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert!(request().scope(read), "two answers in one request");
                    requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            // The same reads without a request are torn: the test could see it.
            while !is_over.load(Ordering::Relaxed) {
                torn_live.fetch_add(u64::from(!read()), Ordering::Relaxed);
            }
        });
        let give_up = Instant::now() + Duration::from_secs(30);
        let mut n = 0;
        while n < 2_000 || (requests.load(Ordering::Relaxed) < 1_000 && Instant::now() < give_up) {
            n += 1;
            let percentage = if n % 5 == 0 { 50 } else { 100 };
            let document =
                |value: &str| format!(r#"{{"enabled":true,"rollout_percentage":{percentage},"value":{value}}}"#);
            running.writer.set("view_pricing", document(&format!("\"{}\"", values[n % 3])));
            running.writer.set("view_half", document(&n.to_string()));
            running.writer.set("view_title", document(&format!("\"title {n}\"")));
            running.writer.set("view_cart", if n % 2 == 0 { ON } else { NOBODY });
            if n % 4 == 0 {
                thread::sleep(Duration::from_micros(200)); // a pace, so that many requests lie between
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(torn_live.into_inner() > 0, "nothing changed under the readers");
    assert!(requests.into_inner() >= 1_000);
    // All requests are over: everything settles that can be.
    running.set("view_cart", ON, || flag!(CART));
    assert!(eventually(SOON, || flag!(CART) && CART.__core().is_settled()));
}
