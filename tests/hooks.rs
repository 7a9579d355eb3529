//! Hooks: what OpenFeature says of their order, contexts and failures; and that nobody pays for those that are not there.
//!
//! Hooks are process-wide, so the tests of this file take turns. Numbers are those of the specification's requirements.

use std::sync::{Arc, Mutex};

use flags_runtime::hooks::{self, Hook, HookContext, HookError};
use flags_runtime::source::MemorySource;
use flags_runtime::{
    AnyValue, ErrorCode, EvaluationContext, EvaluationDetails, Flag, FlagValue, Json, Reason, builder, feature_flag,
    flag,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::turn::Turn;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Limits {
    max: u32,
}

#[feature_flag(name = "hooked", default = false, expires = "2099-01-01")]
static HOOKED: Flag<bool>;
#[feature_flag(name = "hooked_pricing", default = Pricing::VariantA, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "hooked_size", default = -3, expires = "2099-01-01")]
static SIZE: Flag<i64>;
#[feature_flag(name = "hooked_ratio", default = 0.5, expires = "2099-01-01")]
static RATIO: Flag<f32>;
#[feature_flag(name = "hooked_title", default = "title", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "hooked_limits", default = Limits { max: 5 }, expires = "2099-01-01")]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "hooked_other", default = true, expires = "2099-01-01")]
static OTHER: Flag<bool>;

type Told = Arc<Mutex<Vec<String>>>;

/// Tells of every stage, and does at each what it is made to.
#[derive(Default)]
struct Teller {
    name: &'static str,
    told: Told,
    context: Option<EvaluationContext>,
    fails: &'static str,
    panics: &'static str,
}

impl Teller {
    fn named(name: &'static str, told: &Told) -> Self {
        Self { name, told: Arc::clone(told), ..Self::default() }
    }

    fn tell(&self, stage: &'static str, what: impl std::fmt::Display) -> Result<(), HookError> {
        self.told.lock().unwrap().push(format!("{} {stage} {what}", self.name));
        assert_ne!(self.panics, stage, "on purpose");
        if self.fails == stage { Err(format!("{} fails", self.name).into()) } else { Ok(()) }
    }
}

impl Hook for Teller {
    fn before(&self, evaluation: &mut HookContext<'_>) -> Result<Option<EvaluationContext>, HookError> {
        *evaluation.data = Some(Box::new(self.name));
        self.tell("before", evaluation.context.targeting_key())?;
        Ok(self.context.clone())
    }

    fn after(
        &self,
        evaluation: &mut HookContext<'_>,
        details: &EvaluationDetails<AnyValue<'_>>,
    ) -> Result<(), HookError> {
        assert_eq!(evaluation.data.as_ref().unwrap().downcast_ref(), Some(&self.name), "its own data");
        self.tell("after", format!("{:?} {}", details.value, details.reason))
    }

    fn error(&self, _: &mut HookContext<'_>, error: &HookError) {
        let _ = self.tell("error", error);
    }

    fn finally(&self, evaluation: &mut HookContext<'_>, details: &EvaluationDetails<AnyValue<'_>>) {
        let what = format!("{} {:?} {}", evaluation.flag.name(), details.value, details.reason);
        let _ = self.tell("finally", what);
    }
}

fn take(told: &Told) -> Vec<String> {
    std::mem::take(&mut *told.lock().unwrap())
}

#[test]
fn stages_run_stack_wise_around_the_evaluation() {
    let _turn = Turn::take();
    let told = Told::default();
    let first = hooks::add(Teller::named("a", &told));
    let second = hooks::add(Teller::named("b", &told));
    assert!(!flag!(HOOKED, &EvaluationContext::new("ada")));
    // 4.4.2
    let expected = [
        "a before ada",
        "b before ada",
        "b after Bool(false) DEFAULT",
        "a after Bool(false) DEFAULT",
        "b finally hooked Bool(false) DEFAULT",
        "a finally hooked Bool(false) DEFAULT",
    ];
    assert_eq!(take(&told), expected);
    let details = EvaluationContext::new("ada").scope(|| flag!(HOOKED, details));
    assert_eq!((details.value, take(&told).len()), (false, 6), "the ambient context, with details");
    assert!(!flag!(HOOKED, explain).details.value);
    assert_eq!(HOOKED.configured(), None);
    assert_eq!(take(&told), [""; 0], "what people ask is no evaluation");
    drop(first);
    flag!(HOOKED);
    assert_eq!(take(&told).len(), 3);
    drop(second);
    flag!(HOOKED);
    assert_eq!(take(&told), [""; 0]);
}

#[test]
fn every_type_is_told_as_it_is() {
    let _turn = Turn::take();
    let told = Told::default();
    let _hook = hooks::add(Teller::named("a", &told));
    assert_eq!(flag!(PRICING), Pricing::VariantA);
    assert_eq!((flag!(SIZE), flag!(RATIO)), (-3, 0.5));
    assert_eq!(flag!(TITLE), "title");
    assert_eq!(flag!(LIMITS).max, 5);
    let told = take(&told);
    let after: Vec<_> = told.iter().filter(|line| line.starts_with("a after")).collect();
    let starts = [
        "a after Variant(\"variant_a\")",
        "a after Integer(-3)",
        "a after Float(0.5)",
        "a after String(\"title\")",
        "a after Json { value: Any { .. }, is_default: true }",
    ];
    assert_eq!(after.len(), starts.len());
    for (line, start) in after.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn a_context_of_before_is_the_one_that_is_evaluated_for() {
    let _turn = Turn::take();
    let told = Told::default();
    let source = MemorySource::new();
    let writer = source.writer();
    let guard = builder().source(source).start().unwrap();
    writer.set("hooked", r#"{"enabled":true,"rollout_percentage":0,"allowed_users":["bob"]}"#);
    let bob = EvaluationContext::new("bob");
    assert!(eventually(std::time::Duration::from_secs(10), || flag!(HOOKED, &bob)));
    let replacing = Teller { context: Some(bob), ..Teller::named("a", &told) };
    let _hooks = (hooks::add(replacing), hooks::add(Teller::named("b", &told)));
    assert!(flag!(HOOKED, &EvaluationContext::new("ada")));
    // 4.3.4
    assert_eq!(take(&told)[..2], ["a before ada", "b before bob"]);
    drop(guard);
    // A stopped source keeps its decisions, and this is of no use to other tests.
    drop(builder().start().unwrap());
}

#[test]
fn a_before_that_fails_answers_the_default_and_the_rest_does_not_run() {
    let _turn = Turn::take();
    let told = Told::default();
    let failing = Teller { fails: "before", ..Teller::named("b", &told) };
    let _hooks = (hooks::add(Teller::named("a", &told)), hooks::add(failing), hooks::add(Teller::named("c", &told)));
    let details = flag!(OTHER, details);
    // 4.4.5, 4.4.6, 4.4.7
    assert_eq!((details.value, details.reason, details.error_code), (true, Reason::Error, Some(ErrorCode::General)));
    let expected = [
        "a before ",
        "b before ",
        "c error b fails",
        "b error b fails",
        "a error b fails",
        "c finally hooked_other Bool(true) ERROR",
        "b finally hooked_other Bool(true) ERROR",
        "a finally hooked_other Bool(true) ERROR",
    ];
    assert_eq!(take(&told), expected);
}

#[test]
fn an_after_that_fails_is_told_and_changes_no_answer() {
    let _turn = Turn::take();
    let told = Told::default();
    let failing = Teller { fails: "after", ..Teller::named("b", &told) };
    let _hooks = (hooks::add(Teller::named("a", &told)), hooks::add(failing));
    let details = flag!(OTHER, details);
    assert_eq!((details.value, details.reason, details.error_code), (true, Reason::Default, None));
    let expected = ["a before ", "b before ", "b after Bool(true) DEFAULT", "b error b fails", "a error b fails"];
    assert_eq!(take(&told)[..5], expected);
}

#[test]
fn a_hook_that_panics_never_reaches_the_caller() {
    let _turn = Turn::take();
    for stage in ["before", "after", "error", "finally"] {
        let told = Told::default();
        let fails = if stage == "error" { "after" } else { "" };
        let panicking = Teller { panics: stage, fails, ..Teller::named("b", &told) };
        let _hooks = (hooks::add(Teller::named("a", &told)), hooks::add(panicking));
        assert!(flag!(OTHER), "{stage}");
        let told = take(&told);
        // 4.4.3, 4.4.4
        assert!(told.last().unwrap().starts_with("a finally"), "{stage}: {told:?}");
        assert_eq!(told.iter().any(|line| line.starts_with("a error")), stage != "finally", "{stage}: {told:?}");
    }
}

#[test]
fn what_a_hook_has_kept_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!flag!(OTHER), "on purpose; and this read goes by no hook");
        }
    }
    struct Keeping;
    impl Hook for Keeping {
        fn before(&self, evaluation: &mut HookContext<'_>) -> Result<Option<EvaluationContext>, HookError> {
            *evaluation.data = Some(Box::new(Bomb));
            Ok(None)
        }
    }
    let _turn = Turn::take();
    let _hook = hooks::add(Keeping);
    assert!(flag!(OTHER));
}

#[test]
fn what_a_hook_reads_goes_by_no_hook() {
    struct Reading;
    impl Hook for Reading {
        fn finally(&self, evaluation: &mut HookContext<'_>, _: &EvaluationDetails<AnyValue<'_>>) {
            assert!(flag!(OTHER), "of the same flag too: {}", evaluation.flag.name());
        }
    }
    let _turn = Turn::take();
    let told = Told::default();
    let _hooks = (hooks::add(Reading), hooks::add(Teller::named("a", &told)));
    assert!(flag!(OTHER));
    assert_eq!(take(&told).len(), 3);
}

#[test]
fn without_hooks_a_flag_is_settled() {
    let _turn = Turn::take();
    assert!(flag!(OTHER));
    assert!(OTHER.__core().is_settled());
    let hook = hooks::add(Teller::default());
    assert!(flag!(OTHER));
    assert!(!OTHER.__core().is_settled(), "somebody wants to see every read");
    drop(hook);
    assert!(OTHER.__core().is_settled());
}
