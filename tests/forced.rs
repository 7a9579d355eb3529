//! Forced flags under plain `cargo test`: 200 tests that force the same three flags differently, on plain threads and on a
//! multi-threaded runtime, over and over, also while others of them panic.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use flags_runtime::testing::{self, Overrides};
use flags_runtime::{EvaluationContext, Flag, FlagValue, Json, Reason, feature_flag, flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

#[feature_flag(name = "forced_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "forced_size", default = 200, expires = "2099-01-01")]
static SIZE: Flag<u8>;
#[feature_flag(name = "forced_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "forced_title", default = "declared", expires = "2099-01-01")]
static TITLE: Flag<String>;

type Values = (bool, u8, Pricing);

const DEFAULTS: Values = (false, 200, Pricing::Control);

fn read() -> Values {
    (flag!(CART), flag!(SIZE), flag!(PRICING))
}

fn of_case(n: u8) -> Values {
    (n.is_multiple_of(2), n, [Pricing::Control, Pricing::VariantA, Pricing::VariantB][usize::from(n % 3)])
}

#[track_caller]
fn check(expected: Values) {
    let read = read();
    assert_eq!(read, expected, "a value of somebody else");
}

fn may_panic(n: u8) {
    assert!(std::env::var_os("TEST_PANICS").is_none() || n % 2 == 1, "on purpose");
}

fn on_a_thread(n: u8) {
    let expected = of_case(n);
    let (cart, size, pricing) = expected;
    let guards = (CART.force(cart), SIZE.force(size), PRICING.force(pricing));
    for _ in 0..30 {
        check(expected);
        std::thread::yield_now();
    }
    std::thread::spawn(|| check(DEFAULTS)).join().unwrap();
    std::thread::spawn(testing::carry(move || check(expected))).join().unwrap();
    may_panic(n);
    drop(guards);
    check(DEFAULTS);
}

async fn on_tasks(n: u8) {
    let expected = of_case(n);
    let (cart, size, pricing) = expected;
    let inside = async move {
        for _ in 0..15 {
            check(expected);
            tokio::task::yield_now().await;
            tokio::spawn(async { check(DEFAULTS) }).await.unwrap();
            tokio::spawn(testing::carry_async(async move {
                check(expected);
                tokio::task::yield_now().await;
                check(expected);
            }))
            .await
            .unwrap();
        }
        tokio::task::spawn_blocking(|| check(DEFAULTS)).await.unwrap();
        tokio::task::spawn_blocking(testing::carry(move || check(expected))).await.unwrap();
        may_panic(n);
    };
    let beside = async {
        for _ in 0..15 {
            check(DEFAULTS);
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(CART.force_in(cart, SIZE.force_in(size, PRICING.force_in(pricing, inside))), beside);
    check(DEFAULTS);
}

/// A test for each number up to 199: even tens on a thread, odd ones on tasks.
mod case {
    macro_rules! tests {
        ($($hundred:ident $hundreds:literal)*) => { $(mod $hundred { tests!(@tens $hundreds even_0 0 odd_1 1 even_2 2 odd_3 3 even_4 4 odd_5 5 even_6 6 odd_7 7 even_8 8 odd_9 9); })* };
        (@tens $hundreds:literal $($even:ident $first:literal $odd:ident $second:literal)*) => {
            $(
                mod $even { tests!(@thread ($hundreds * 100 + $first * 10) n0 0 n1 1 n2 2 n3 3 n4 4 n5 5 n6 6 n7 7 n8 8 n9 9); }
                mod $odd { tests!(@task ($hundreds * 100 + $second * 10) n0 0 n1 1 n2 2 n3 3 n4 4 n5 5 n6 6 n7 7 n8 8 n9 9); }
            )*
        };
        (@thread $base:tt $($name:ident $n:literal)*) => { $(#[test] fn $name() { crate::on_a_thread($base + $n); })* };
        (@task $base:tt $($name:ident $n:literal)*) => {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { crate::on_tasks($base + $n).await; })*
        };
    }
    tests!(h0 0 h1 1);
}

/// Runs the cases as a binary of their own, as `cargo test` does.
fn run_cases(panics: bool) -> (String, bool) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["case::", "--test-threads", "16", "-q"]).env("RUST_BACKTRACE", "0");
    if panics {
        command.env("TEST_PANICS", "1");
    }
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn two_hundred_tests_at_once_never_read_a_value_of_each_other() {
    for _ in 0..50 {
        let (said, is_good) = run_cases(false);
        assert!(is_good && said.contains("200 passed"), "{said}");
    }
}

#[test]
fn tests_that_panic_leave_nothing_behind() {
    for _ in 0..50 {
        let (said, is_good) = run_cases(true);
        assert!(!is_good && said.contains("100 passed; 100 failed"), "{said}");
        assert!(!said.contains("a value of somebody else"), "{said}");
    }
}

#[test]
fn the_innermost_scope_counts_and_leaves_the_outer_one_as_it_was() {
    let outer = SIZE.force(1);
    Overrides::new().force(&SIZE, 2).force(&CART, true).scope(|| {
        assert_eq!(read(), (true, 2, Pricing::Control));
        let inner = SIZE.force(3);
        assert_eq!(read().1, 3);
        drop(inner);
        assert_eq!(read().1, 2);
    });
    assert_eq!(read(), (false, 1, Pricing::Control));
    drop(outer);
    assert_eq!(read(), DEFAULTS);
}

#[test]
fn what_is_carried_lives_as_long_as_it_is_held() {
    let guard = TITLE.force("forced");
    let carried = Overrides::current();
    drop(guard);
    assert_eq!(flag!(TITLE), "declared");
    // A server that a test started hands them to each of its requests.
    let requests: Vec<_> = (0..4).map(|_| carried.clone()).collect();
    drop(carried);
    std::thread::scope(|threads| {
        for request in requests {
            threads.spawn(move || request.scope(|| assert_eq!(flag!(TITLE), "forced")));
        }
    });
    assert_eq!(flag!(TITLE), "declared");
}

#[tokio::test]
async fn what_a_future_drops_is_dropped_in_its_scope_also_when_it_is_cancelled() {
    struct Reads<'a>(&'a AtomicUsize);
    impl Drop for Reads<'_> {
        fn drop(&mut self) {
            self.0.store(flag!(SIZE).into(), Ordering::SeqCst);
        }
    }
    let read = AtomicUsize::new(0);
    let waits = SIZE.force_in(5, async {
        let _reads = Reads(&read);
        std::future::pending::<()>().await;
    });
    let timeout = tokio::time::timeout(std::time::Duration::from_millis(5), waits);
    assert!(timeout.await.is_err());
    assert_eq!(read.swap(0, Ordering::SeqCst), 5, "cancelled");
    SIZE.force_in(6, async { drop(Reads(&read)) }).await;
    assert_eq!(read.load(Ordering::SeqCst), 6);
}

#[test]
fn carrying_within_what_was_carried_stays_cheap() {
    fn nested(depth: u32) -> u8 {
        if depth == 0 { flag!(SIZE) } else { testing::carry(move || nested(depth - 1))() }
    }
    let _guard = SIZE.force(7);
    // Twice as many layers at each level would be 2^200.
    assert_eq!(nested(200), 7);
}

#[test]
fn threads_of_a_pool_see_what_is_carried_and_nothing_else() {
    use rayon::prelude::*;
    let _guard = SIZE.force(8);
    let (left, right) = rayon::join(testing::carry(|| flag!(SIZE)), testing::carry(|| flag!(SIZE)));
    assert_eq!((left, right), (8, 8));
    // Who calls many closures takes a scope in each.
    let overrides = Overrides::current();
    let carried: Vec<u8> = (0..1000).into_par_iter().map(|_| overrides.scope(|| flag!(SIZE))).collect();
    assert!(carried.iter().all(|size| *size == 8));
    let (send, receive) = std::sync::mpsc::channel();
    rayon::spawn(move || send.send(flag!(SIZE)).unwrap());
    assert_eq!(receive.recv().unwrap(), 200);
}

#[test]
fn every_bool_is_forced_at_once_and_nothing_else() {
    let on = testing::force_all(true);
    assert_eq!(read(), (true, 200, Pricing::Control));
    let off = CART.force(false);
    assert!(!flag!(CART));
    drop((on, off));
    assert!(!flag!(CART));
}

#[test]
fn documents_decide_by_percentages_and_lists_for_their_scope_only() {
    let documents = r#"{
        "forced_cart": {"enabled": true, "rollout_percentage": 50, "allowed_users": ["ada"], "allowed_groups": ["beta"]},
        "forced_size": {"enabled": true, "value": 7},
        "forced_pricing": {"enabled": true, "value": "variant_z"},
        "forced_title": null
    }"#;
    testing::with_documents(documents, || {
        let ada = EvaluationContext::new("ada");
        assert_eq!(flag!(CART, &ada, details).reason, Reason::TargetingMatch);
        let on = (0..1000).filter(|n| flag!(CART, &EvaluationContext::new(format!("user-{n}")))).count();
        let expected = (0..1000).filter(|n| flags_runtime::bucket("forced_cart", &format!("user-{n}")) < 50.0).count();
        assert!(on == expected && (400..600).contains(&on), "{on}");
        assert_eq!((flag!(SIZE), flag!(SIZE, details).reason), (7, Reason::Static));
        let refused = flag!(PRICING, details);
        assert_eq!((refused.value, refused.reason), (Pricing::Control, Reason::Error));
        assert!(refused.error_code.is_some());
        assert_eq!((flag!(TITLE).into_owned(), flag!(TITLE, details).reason), ("declared".to_owned(), Reason::Default));
        // A value stands above a document that is further out, and the other way round.
        let _off = CART.force(false);
        assert!(!flag!(CART, &ada));
        testing::with_documents(r#"{"forced_cart":{"enabled":true}}"#, || assert!(flag!(CART, &ada)));
        std::thread::spawn(|| check(DEFAULTS)).join().unwrap();
    });
    check(DEFAULTS);
}

#[test]
fn documents_that_mean_no_flag_are_refused_with_the_nearest_name() {
    let message = |json: &'static str| {
        let panic = std::panic::catch_unwind(|| testing::with_documents(json, || {})).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    assert_eq!(message(r#"{"forced_crat":{}}"#), "this program has no flag `forced_crat`: did you mean `forced_cart`?");
    assert!(message(r#"{"zebra":{}}"#).contains("a flag of a crate that is never mentioned is not linked"));
    assert!(message("[]").contains("no JSON object of flags and documents"));
}

#[tokio::test]
async fn documents_follow_their_future() {
    let documents = r#"{"forced_size":{"enabled":true,"value":9}}"#;
    let inside = async {
        tokio::task::yield_now().await;
        flag!(SIZE)
    };
    let beside = async {
        tokio::task::yield_now().await;
        flag!(SIZE)
    };
    assert_eq!(tokio::join!(testing::with_documents_async(documents, inside), beside), (9, 200));
}

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Is counted as long as it lives.
#[derive(Debug, serde::Deserialize)]
struct Counted {}

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self {}
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[feature_flag(name = "forced_counted", default_fn = Counted::new, expires = "2099-01-01")]
static COUNTED: Flag<Json<Counted>>;

#[test]
fn a_forced_value_is_dropped_with_its_last_scope() {
    let overrides = Overrides::new().force(&COUNTED, Counted::new());
    let guard = overrides.enter();
    let elsewhere = overrides.clone();
    drop(overrides);
    let worker = std::thread::spawn(move || elsewhere.scope(|| drop(flag!(COUNTED))));
    worker.join().unwrap();
    assert_eq!(LIVE.load(Ordering::SeqCst), 1, "this thread is still in its scope");
    drop(guard);
    assert_eq!(LIVE.load(Ordering::SeqCst), 0);
}
