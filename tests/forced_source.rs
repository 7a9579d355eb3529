//! The fake source: outages, stale data and vanishing documents in a test, and a turn for each of several tests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flags_runtime::testing::FakeSource;
use flags_runtime::{Event, Flag, Guard, SourceState, builder, feature_flag, flag, status};
use flags_workspace_tests::eventually;

#[feature_flag(name = "fake_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "fake_strict", default = false, expires = "2099-01-01", on_outage = default(after = "300ms"))]
static STRICT: Flag<bool>;

const BOTH: &str = r#"{"fake_cart":{"enabled":true},"fake_strict":{"enabled":true}}"#;

#[track_caller]
fn assert_soon(mut condition: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(20), &mut condition), "not within 20 s: {:?}", status());
}

fn start(source: &FakeSource) -> Guard {
    let guard = builder().source(source.source()).start().unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();
    guard
}

#[test]
fn an_outage_keeps_the_last_decision_or_falls_to_the_default_as_declared() {
    let source = FakeSource::new(BOTH);
    let running = start(&source);
    assert!(flag!(CART) && flag!(STRICT));
    source.lose("the network is gone");
    assert_soon(|| status().source.is_some_and(|source| source.state == SourceState::Lost));
    assert!(status().source.unwrap().last_error.unwrap().contains("the network is gone"));
    assert_soon(|| !flag!(STRICT));
    assert!(flag!(CART));
    source.restore();
    assert_soon(|| flag!(STRICT));
    drop(running);
}

#[test]
fn documents_that_vanish_at_once_are_doubted() {
    let source = FakeSource::new(BOTH);
    let held = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&held);
    let listener = move |event: &Event| {
        counted.fetch_add(usize::from(matches!(event, Event::Held { .. })), Ordering::SeqCst);
    };
    let running = builder().source(source.source()).on_event(listener).start().unwrap();
    running.wait_ready(Duration::from_secs(10)).unwrap();
    source.documents("{}");
    assert_soon(|| held.load(Ordering::SeqCst) == 1);
    assert!(flag!(CART));
    source.documents(r#"{"fake_cart":{"enabled":false},"fake_strict":{"enabled":true}}"#);
    assert_soon(|| !flag!(CART));
    drop(running);
}

#[test]
fn a_start_while_it_is_away_goes_on_with_defaults() {
    let source = FakeSource::new(BOTH);
    source.lose("nobody is there");
    let running = builder().source(source.source()).start().unwrap();
    assert!(running.wait_ready(Duration::from_millis(100)).is_err());
    assert!(!flag!(CART));
    source.restore();
    assert_soon(|| flag!(CART));
    drop(running);
}

/// Also after one of them panicked with it.
#[test]
fn of_several_tests_each_has_its_turn() {
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for n in 0..8 {
            threads.spawn(move || {
                let _ = std::panic::catch_unwind(|| {
                    let source = FakeSource::new(BOTH);
                    assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    let running = start(&source);
                    assert!(flag!(CART));
                    drop(running);
                    INSIDE.fetch_sub(1, Ordering::SeqCst);
                    assert!(n % 2 == 0, "on purpose");
                });
            });
        }
    });
    assert_eq!(INSIDE.load(Ordering::SeqCst), 0);
}

#[test]
fn nothing_of_it_stays_when_it_goes() {
    let source = FakeSource::new(BOTH);
    let running = start(&source);
    assert!(flag!(CART));
    drop(running);
    assert!(flag!(CART), "a source that was stopped leaves its decisions");
    drop(source);
    let _turn = FakeSource::new("{}");
    assert!(!flag!(CART) && status().good.is_empty());
}

#[test]
fn one_test_has_one() {
    let one = FakeSource::new("{}");
    let panic = std::panic::catch_unwind(|| drop(FakeSource::new("{}"))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("has a fake source already"));
    drop(one);
    drop(FakeSource::new("{}"));
}
