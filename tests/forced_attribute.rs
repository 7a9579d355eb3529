//! `#[flags_runtime::test(..)]` above whatever makes a test: plain functions, tokio, rstest, results, matrices.

use std::collections::BTreeSet;
use std::num::ParseIntError;
use std::sync::Mutex;

use flags_runtime::{Flag, FlagValue, feature_flag, flag, testing};
use rstest::rstest;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FlagValue)]
enum Pricing {
    Control,
    #[flag_value(rename = "b")]
    VariantA,
    VariantB,
}

#[feature_flag(name = "attribute_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "attribute_mail", default = true, expires = "2099-01-01")]
static MAIL: Flag<bool>;
#[feature_flag(name = "attribute_size", default = 200, expires = "2099-01-01")]
static SIZE: Flag<i32>;
#[feature_flag(name = "attribute_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "attribute_title", default = "declared", expires = "2099-01-01")]
static TITLE: Flag<String>;

#[flags_runtime::test(CART = true, PRICING = Pricing::VariantB, TITLE = "forced")]
fn a_plain_function_becomes_a_test() {
    assert!(flag!(CART));
    assert_eq!((flag!(PRICING), flag!(TITLE).into_owned()), (Pricing::VariantB, "forced".to_owned()));
    std::thread::spawn(|| assert!(!flag!(CART))).join().unwrap();
}

#[flags_runtime::test(CART = true)]
#[test]
#[should_panic(expected = "on purpose")]
fn what_stands_below_stays() {
    assert!(!flag!(CART), "on purpose");
}

#[flags_runtime::test(CART = true, SIZE = 7)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_async_test_keeps_its_flags_from_thread_to_thread() -> Result<(), ParseIntError> {
    for _ in 0..100 {
        assert_eq!((flag!(CART), flag!(SIZE)), (true, 7));
        tokio::task::yield_now().await;
    }
    tokio::spawn(async { assert!(!flag!(CART)) }).await.unwrap();
    tokio::spawn(testing::carry_async(async { assert!(flag!(CART)) })).await.unwrap();
    let seven: i32 = "7".parse()?;
    assert_eq!(seven, flag!(SIZE));
    Ok(())
}

#[flags_runtime::test(CART = true)]
fn a_result_is_returned() -> Result<(), ParseIntError> {
    let _: u8 = "1".parse()?;
    if flag!(CART) {
        return Ok(());
    }
    "x".parse::<u8>().map(drop)
}

#[flags_runtime::test(SIZE = size * 2, CART = size > 1)]
#[rstest]
#[case(1, 2)]
#[case(2, 4)]
fn values_may_use_the_parameters(#[case] size: i32, #[case] expected: i32) {
    assert_eq!((flag!(SIZE), flag!(CART)), (expected, size > 1));
}

#[flags_runtime::test(CART = true)]
fn lints_within_a_body_stay_there() {
    #![allow(non_snake_case)]
    let InCapitals = flag!(CART);
    assert!(InCapitals);
}

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Region {
    EU,
    #[allow(clippy::upper_case_acronyms)]
    US,
    Asia,
}

#[feature_flag(name = "attribute_region", default = Region::EU, expires = "2099-01-01")]
static REGION: Flag<Region>;

const LARGE: i32 = 1_000;

mod inner {
    use super::{Flag, TITLE, flag};

    /// Paths mean in a case what they mean here.
    #[flags_runtime::test(matrix(super::REGION = [EU, US, super::Region::Asia], super::SIZE = [super::LARGE, 1]))]
    fn capitals_are_variants_and_paths_are_what_they_say() -> Result<(), super::ParseIntError> {
        let size: i32 = flag!(super::SIZE).to_string().parse()?;
        assert!([super::LARGE, 1].contains(&size));
        let _ = flag!(super::REGION);
        Ok(())
    }

    #[flags_runtime::test(matrix(TITLE = ["a b", "a-b", ""]))]
    fn values_with_the_same_letters_are_two_cases() {
        let _: &'static Flag<String> = &TITLE;
        assert!(["a b", "a-b", ""].contains(&&*flag!(TITLE)));
    }
}

/// Two on one line: the one above is another test's.
#[rustfmt::skip]
#[test] fn before() {}
#[flags_runtime::test(CART = true)]
fn after_another_test_on_one_line() {
    assert!(flag!(CART));
}

#[flags_runtime::test(matrix(CART))]
#[expect(unused_variables)]
fn lints_are_about_the_body() {
    let unused = flag!(CART);
}

#[test]
fn a_recording_hears_of_scopes_within_it() {
    let (outer, inner) = (testing::Recording::new(), testing::Recording::new());
    outer.overrides().scope(|| {
        inner.overrides().scope(|| flag!(CART));
        testing::assert_evaluated(&CART);
        // The same one twice notes once.
        outer.overrides().scope(|| flag!(MAIL));
    });
    assert_eq!((outer.of(&CART).len(), inner.of(&CART).len(), outer.of(&MAIL).len()), (1, 1, 1));
}

#[flags_runtime::test(CART = true)]
fn a_million_reads_are_remembered_once() {
    let reads = (0..1_000_000).filter(|_| flag!(CART)).count();
    assert_eq!(reads, 1_000_000);
    testing::assert_evaluated(&CART);
}

#[test]
fn configured_is_what_stands_in_place_of_the_source() {
    testing::with_documents(r#"{"attribute_size":{"enabled":true,"value":9,"rollout_percentage":0}}"#, || {
        assert_eq!((flag!(SIZE), SIZE.configured()), (200, Some(9)));
        let _forced = SIZE.force(3);
        assert_eq!(SIZE.configured(), Some(3));
    });
    testing::with_documents(r#"{"attribute_size":{"enabled":false,"value":9}}"#, || {
        assert_eq!(SIZE.configured(), None);
    });
    assert_eq!(SIZE.configured(), None);
}

#[flags_runtime::test(all = off, CART = true)]
fn all_comes_before_what_is_named() {
    assert_eq!((flag!(CART), flag!(MAIL)), (true, false));
}

#[flags_runtime::test(CART = true)]
fn scopes_inside_count_more() {
    let off = CART.force(false);
    assert!(!flag!(CART));
    drop(off);
    assert!(flag!(CART));
}

#[flags_runtime::test(CART = true)]
#[tokio::test]
async fn what_was_asked_is_recorded_for_this_test_alone() {
    assert!(flag!(CART));
    testing::assert_evaluated(&CART);
    tokio::spawn(async { flag!(MAIL) }).await.unwrap();
    let message = panic_of(|| testing::assert_evaluated(&MAIL));
    assert_eq!(message, "the flag `attribute_mail` was not evaluated in this test; these were: `attribute_cart`");
    tokio::spawn(testing::carry_async(async { flag!(MAIL) })).await.unwrap();
    testing::assert_evaluated(&MAIL);
}

#[test]
fn without_a_recording_nothing_can_be_asserted() {
    let message = panic_of(|| testing::assert_evaluated(&CART));
    assert!(message.contains("nothing records here whether `attribute_cart` was evaluated"), "{message}");
}

fn panic_of(f: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn exposures_have_who_what_and_why() {
    use flags_runtime::{EvaluationContext, Reason};
    let recording = testing::Recording::new();
    let documents =
        r#"{"attribute_pricing":{"enabled":true,"value":"b","allowed_users":["ada"],"rollout_percentage":0}}"#;
    recording.overrides().documents(documents).scope(|| {
        assert_eq!(flag!(PRICING, &EvaluationContext::new("ada")), Pricing::VariantA);
        assert_eq!(flag!(PRICING, &EvaluationContext::new("bob")), Pricing::Control);
        assert_eq!((flag!(SIZE), flag!(CART)), (200, false));
        let _inner = testing::Overrides::new().force(&CART, true).enter();
        assert!(flag!(CART));
    });
    let shown = |evaluation: &testing::Evaluation| {
        let testing::Evaluation { flag, targeting_key, variant, reason, .. } = evaluation;
        (flag.name(), targeting_key.clone(), *variant, *reason)
    };
    let seen: Vec<_> = recording.evaluations().iter().map(shown).collect();
    let nobody = String::new;
    assert_eq!(
        seen,
        [
            ("attribute_pricing", "ada".to_owned(), Some("b"), Reason::TargetingMatch),
            ("attribute_pricing", "bob".to_owned(), Some("control"), Reason::Static),
            ("attribute_size", nobody(), None, Reason::Default),
            ("attribute_cart", nobody(), Some("off"), Reason::Default),
            ("attribute_cart", nobody(), Some("on"), Reason::Override),
        ]
    );
    assert_eq!(recording.of(&PRICING).len(), 2);
    let before = recording.evaluations().len();
    let _ = flag!(CART);
    assert_eq!(recording.evaluations().len(), before, "the scope is over");
}

static SEEN: Mutex<BTreeSet<(bool, Pricing, i32)>> = Mutex::new(BTreeSet::new());

#[flags_runtime::test(matrix(CART, PRICING = [Control, Pricing::VariantA, VariantB]), SIZE = -1)]
fn every_combination_is_a_test_of_its_own() {
    SEEN.lock().unwrap().insert((flag!(CART), flag!(PRICING), flag!(SIZE)));
}

#[flags_runtime::test(matrix(SIZE = [-1, 0, i32::MAX], PRICING = [Control, ..]))]
#[tokio::test]
async fn async_tests_have_matrices_too() -> Result<(), ParseIntError> {
    tokio::task::yield_now().await;
    assert!([-1, 0, i32::MAX].contains(&flag!(SIZE)));
    assert_eq!(flag!(PRICING), Pricing::Control);
    Ok(())
}

#[flags_runtime::test(matrix(CART, MAIL))]
#[rstest]
#[case(1)]
#[case(2)]
fn cases_and_matrices_multiply(#[case] n: i32) {
    assert!(n > 0);
    let _ = (flag!(CART), flag!(MAIL));
}

/// Asked of this very binary: what the harness lists is what runs.
#[test]
fn cases_are_listed_by_name_and_each_has_its_values() {
    let this = std::env::current_exe().unwrap();
    let list = std::process::Command::new(&this).args(["--list", "--format", "terse"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let of = |name: &str| -> BTreeSet<String> {
        let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
        tests.filter_map(|test| test.strip_prefix(&format!("{name}_"))).map(str::to_owned).collect()
    };
    let cases = of("every_combination_is_a_test_of_its_own");
    assert_eq!(cases.len(), 6, "{list}");
    assert!(cases.contains("cart_on_pricing_variant_a"), "{cases:?}");
    let sizes = of("async_tests_have_matrices_too");
    assert!(sizes.contains("size_minus_1_pricing_control") && sizes.len() == 3, "{sizes:?}");
    let multiplied =
        list.lines().filter(|line| line.starts_with("cases_and_matrices_multiply_") && line.contains("::case_"));
    assert_eq!(multiplied.count(), 8, "{list}");
    assert_eq!(list.matches("capitals_are_variants_and_paths_are_what_they_say_region_").count(), 6, "{list}");
    assert!(list.contains("inner::values_with_the_same_letters_are_two_cases_title_a_b_1: test"), "{list}");
    assert_eq!(list.lines().filter(|line| *line == "a_plain_function_becomes_a_test: test").count(), 1, "{list}");
    // All six in one process: together they have seen all six combinations.
    every_combination();
}

fn every_combination() {
    let before = SEEN.lock().unwrap().clone();
    assert!(before.iter().all(|(_, _, size)| *size == -1), "{before:?}");
    for is_on in [false, true] {
        for pricing in [Pricing::Control, Pricing::VariantA, Pricing::VariantB] {
            testing::Overrides::new().force(&CART, is_on).force(&PRICING, pricing).force(&SIZE, -1).scope(|| {
                assert_eq!((flag!(CART), flag!(PRICING)), (is_on, pricing));
            });
        }
    }
}
