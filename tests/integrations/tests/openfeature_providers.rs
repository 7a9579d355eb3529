//! Providers of OpenFeature's Rust SDK that decide flags of ours, well and badly.
//!
//! A start is process-wide, so the tests of this file take turns.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::provider::openfeature::FromOpenFeature;
use flags_runtime::provider::{ProviderState, ProviderStatus as Status};
use flags_runtime::{
    AttributeValue, ErrorCode, EvaluationContext, Flag, FlagValue, Guard, Json, Readiness, Reason, builder,
    feature_flag, flag, prepare, status,
};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails};
use open_feature::{
    EvaluationContext as OpenContext, EvaluationContextFieldValue as Field, EvaluationDetails, EvaluationError,
    EvaluationErrorCode, EvaluationReason, EvaluationResult, FlagMetadata, Hook, HookContext, HookHints, HookWrapper,
    StructValue, Type, Value, async_trait,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Limits {
    max: u32,
    ratios: Vec<f64>,
    nested: Nested,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Nested {
    name: String,
    is_on: bool,
}

fn no_limits() -> Limits {
    Limits { max: 0, ratios: Vec::new(), nested: Nested { name: String::new(), is_on: false } }
}

#[feature_flag(name = "open_cart", default = false, expires = "2099-01-01", provider = open)]
static CART: Flag<bool>;
#[feature_flag(
    name = "open_pricing",
    key = "Pricing!",
    default = Pricing::Control,
    expires = "2099-01-01",
    provider = open
)]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "open_size", default = 3, expires = "2099-01-01", provider = open)]
static SIZE: Flag<u8>;
#[feature_flag(name = "open_ratio", default = 0.5, expires = "2099-01-01", provider = open)]
static RATIO: Flag<f64>;
#[feature_flag(name = "open_title", default = "declared", expires = "2099-01-01", provider = open)]
static TITLE: Flag<String>;
#[feature_flag(name = "open_limits", default_fn = no_limits, expires = "2099-01-01", provider = open)]
static LIMITS: Flag<Json<Limits>>;

const SOON: Duration = Duration::from_secs(20);

type Answer = EvaluationResult<ResolutionDetails<Value>>;
type Decide = dyn Fn(&str, &Type, &OpenContext) -> Answer + Send + Sync;

/// What happens before it answers.
#[derive(Clone, Copy, PartialEq)]
enum Delay {
    None,
    /// Pending once, and woken at once.
    Once,
    Never,
    /// By a timer of tokio.
    Timer,
}

/// A provider that does as it is told.
struct Fake {
    shared: Arc<Shared>,
    metadata: ProviderMetadata,
    hooks: Vec<HookWrapper>,
}

struct Shared {
    decide: Box<Decide>,
    delay: Delay,
    status: Mutex<ProviderStatus>,
    /// The threads in which it was asked.
    asked_in: Mutex<Vec<String>>,
    /// Closed until `initialize` may go on.
    gate: (Mutex<bool>, Condvar),
    panics_at_start: bool,
}

impl Fake {
    fn new(decide: impl Fn(&str, &Type, &OpenContext) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Shared {
            decide: Box::new(decide),
            delay: Delay::None,
            status: Mutex::new(ProviderStatus::Ready),
            asked_in: Mutex::default(),
            gate: (Mutex::new(true), Condvar::new()),
            panics_at_start: false,
        };
        Self { shared: Arc::new(shared), metadata: ProviderMetadata::new("Fake"), hooks: Vec::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::get_mut(&mut self.shared).unwrap());
        self
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    async fn answer<V>(
        &self,
        key: &str,
        wanted: Type,
        ctx: &OpenContext,
        take: fn(Value) -> Option<V>,
    ) -> EvaluationResult<ResolutionDetails<V>> {
        let shared = &self.shared;
        let of_thread = thread::current().name().unwrap_or_default().to_owned();
        shared.asked_in.lock().unwrap_or_else(PoisonError::into_inner).push(of_thread);
        let mut is_first = true;
        match shared.delay {
            Delay::None => {}
            Delay::Once => {
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
            }
            Delay::Never => std::future::pending().await,
            Delay::Timer => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        let ResolutionDetails { value, variant, reason, flag_metadata } = (shared.decide)(key, &wanted, ctx)?;
        let is = value.get_type();
        let mismatch = || failed(EvaluationErrorCode::TypeMismatch, &format!("it is of type {is}"));
        let value = take(value).ok_or_else(mismatch)?;
        Ok(ResolutionDetails { value, variant, reason, flag_metadata })
    }
}

#[async_trait]
impl FeatureProvider for Fake {
    async fn initialize(&mut self, _: &OpenContext) {
        assert!(!self.shared.panics_at_start, "on purpose");
        let (is_open, opened) = &self.shared.gate;
        drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    fn status(&self) -> ProviderStatus {
        match *self.shared.status.lock().unwrap() {
            ProviderStatus::NotReady => ProviderStatus::NotReady,
            ProviderStatus::Ready => ProviderStatus::Ready,
            ProviderStatus::Error => ProviderStatus::Error,
            ProviderStatus::STALE => ProviderStatus::STALE,
        }
    }

    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    fn hooks(&self) -> &[HookWrapper] {
        &self.hooks
    }

    async fn resolve_bool_value(&self, key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<bool>> {
        self.answer(key, Type::Bool, ctx, |value| value.as_bool()).await
    }

    async fn resolve_int_value(&self, key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<i64>> {
        self.answer(key, Type::Int, ctx, |value| value.as_i64()).await
    }

    async fn resolve_float_value(&self, key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<f64>> {
        self.answer(key, Type::Float, ctx, |value| value.as_f64()).await
    }

    async fn resolve_string_value(&self, key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<String>> {
        self.answer(key, Type::String, ctx, |value| value.as_str().map(str::to_owned)).await
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        ctx: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.answer(key, Type::Struct, ctx, |value| value.as_struct().cloned()).await
    }
}

#[allow(clippy::unnecessary_wraps, reason = "an answer that went well")]
fn says(value: impl Into<Value>) -> Answer {
    Ok(ResolutionDetails::new(value))
}

fn failed(code: EvaluationErrorCode, message: &str) -> EvaluationError {
    EvaluationError { code, message: Some(message.to_owned()) }
}

fn turn() -> MutexGuard<'static, ()> {
    static TURNS: Mutex<()> = Mutex::new(());
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn begin(provider: FromOpenFeature) -> Guard {
    builder().provider(provider).start().unwrap()
}

fn start(fake: Fake) -> Guard {
    let guard = begin(FromOpenFeature::new("open", fake));
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    guard
}

fn user(name: &str) -> EvaluationContext {
    EvaluationContext::new(name)
}

fn the_provider() -> Status {
    status().providers.into_iter().find(|provider| provider.name == "open").expect("it is at work")
}

fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn a_provider_in_the_process_decides_flags_of_every_type_at_the_first_read() {
    let _turn = turn();
    let fake = Fake::new(|key, wanted, ctx| {
        let (expected, value): (Type, Value) = match key {
            "open_cart" => (Type::Bool, (ctx.targeting_key.as_deref() == Some("ada")).into()),
            "Pricing!" => (Type::String, "variant_a".into()),
            "open_size" => (Type::Int, 7.into()),
            "open_ratio" => (Type::Float, 3.0.into()),
            "open_title" => (Type::String, "told".into()),
            "open_limits" => {
                let nested = StructValue::default().with_field("name", "a \"b\"").with_field("is_on", true);
                let limits = StructValue::default().with_field("max", 9).with_field("nested", nested);
                (Type::Struct, limits.with_field("ratios", vec![0.5, 2.0]).into())
            }
            _ => return Err(failed(EvaluationErrorCode::FlagNotFound, "never heard of it")),
        };
        assert_eq!(*wanted, expected, "{key}");
        let metadata = FlagMetadata::default().with_value("rule", "r-1").with_value("index", 1).with_value("is", true);
        Ok(ResolutionDetails {
            value,
            variant: Some("the variant".to_owned()),
            reason: Some(EvaluationReason::TargetingMatch),
            flag_metadata: Some(metadata.with_value("share", 0.5)),
        })
    });
    let shared = fake.shared();
    let _guard = start(fake);
    assert!(flag!(CART, &user("ada")));
    assert!(!flag!(CART, &user("bob")));
    assert_eq!(flag!(PRICING), Pricing::VariantA);
    assert_eq!(flag!(SIZE), 7);
    assert!((flag!(RATIO) - 3.0).abs() < f64::EPSILON);
    assert_eq!(flag!(TITLE), "told");
    let nested = Nested { name: "a \"b\"".to_owned(), is_on: true };
    assert_eq!(flag!(LIMITS), Limits { max: 9, ratios: vec![0.5, 2.0], nested });
    let details = flag!(TITLE, details);
    assert_eq!((details.variant.as_deref(), details.reason), (Some("the variant"), Reason::TargetingMatch));
    let metadata: Vec<_> = details.flag_metadata.iter().collect();
    assert_eq!(
        metadata,
        [
            ("index", &AttributeValue::Integer(1)),
            ("is", &AttributeValue::Bool(true)),
            ("rule", &AttributeValue::String("r-1".to_owned())),
            ("share", &AttributeValue::Float(0.5)),
        ]
    );
    let here = thread::current().name().unwrap_or_default().to_owned();
    assert!(shared.asked_in.lock().unwrap().iter().all(|thread| *thread == here), "readers wait for no other thread");
}

#[test]
fn a_number_of_the_other_kind_is_taken_where_it_fits() {
    let _turn = turn();
    let _guard = start(Fake::new(|key, _, _| match key {
        "open_size" => says(7.0),
        "open_ratio" => says(2),
        _ => says("text"),
    }));
    assert_eq!(flag!(SIZE), 7);
    assert!((flag!(RATIO) - 2.0).abs() < f64::EPSILON);
    let details = flag!(CART, details);
    assert_eq!((details.value, details.reason), (false, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::TypeMismatch));
    assert_eq!(details.error_message.as_deref(), Some("it is of type string"));
}

#[test]
fn a_number_that_does_not_fit_is_an_error() {
    let _turn = turn();
    let _guard = start(Fake::new(|key, _, _| match key {
        "open_size" => says(7.5),
        "open_ratio" => says("half"),
        _ => says(256),
    }));
    let size = flag!(SIZE, details);
    assert_eq!((size.value, size.error_code), (3, Some(ErrorCode::TypeMismatch)));
    assert_eq!(size.error_message.as_deref(), Some("the value `7.5` is not a whole number from 0 to 255"));
    let ratio = flag!(RATIO, details);
    assert_eq!(ratio.error_code, Some(ErrorCode::TypeMismatch));
    assert_eq!(ratio.error_message.as_deref(), Some("it is of type string"), "of what was asked first");
}

#[test]
fn reasons_and_codes_are_ours_where_we_have_them() {
    let _turn = turn();
    let asked = Arc::new(AtomicUsize::new(0));
    let reasons = [
        (Some(EvaluationReason::Static), Reason::Static),
        (Some(EvaluationReason::Default), Reason::Default),
        (Some(EvaluationReason::Split), Reason::Split),
        (Some(EvaluationReason::Cached), Reason::Cached),
        (Some(EvaluationReason::Disabled), Reason::Disabled),
        (Some(EvaluationReason::Unknown), Reason::Unknown),
        (Some(EvaluationReason::Other("STALE".to_owned())), Reason::Stale),
        (Some(EvaluationReason::Other("OVERRIDE".to_owned())), Reason::Override),
        (Some(EvaluationReason::Other("COIN_TOSS".to_owned())), Reason::Unknown),
        (None, Reason::Unknown),
    ];
    let codes = [
        (EvaluationErrorCode::ProviderNotReady, ErrorCode::ProviderNotReady),
        (EvaluationErrorCode::ParseError, ErrorCode::ParseError),
        (EvaluationErrorCode::TypeMismatch, ErrorCode::TypeMismatch),
        (EvaluationErrorCode::TargetingKeyMissing, ErrorCode::TargetingKeyMissing),
        (EvaluationErrorCode::InvalidContext, ErrorCode::InvalidContext),
        (EvaluationErrorCode::General("PROVIDER_FATAL".to_owned()), ErrorCode::ProviderFatal),
        (EvaluationErrorCode::General("on fire".to_owned()), ErrorCode::General),
        (EvaluationErrorCode::FlagNotFound, ErrorCode::FlagNotFound),
    ];
    let _guard = start({
        let (reasons, codes, asked) = (reasons.clone(), codes.clone(), Arc::clone(&asked));
        Fake::new(move |_, _, _| {
            let at = asked.load(Ordering::SeqCst);
            match reasons.get(at) {
                Some((reason, _)) => Ok(ResolutionDetails { reason: reason.clone(), ..ResolutionDetails::new(true) }),
                None => Err(EvaluationError { code: codes[at - reasons.len()].0.clone(), message: None }),
            }
        })
    });
    for (theirs, ours) in &reasons {
        let details = flag!(CART, details);
        assert_eq!((details.value, details.reason, details.error_code), (true, *ours, None), "{theirs:?}");
        let is_other = matches!(theirs, Some(EvaluationReason::Other(text)) if text == "COIN_TOSS");
        let kept = details.flag_metadata.get("reason");
        assert_eq!(kept, is_other.then(|| AttributeValue::String("COIN_TOSS".to_owned())).as_ref());
        asked.fetch_add(1, Ordering::SeqCst);
    }
    for (theirs, ours) in &codes {
        let details = flag!(CART, details);
        assert_eq!((details.value, details.reason, details.error_code), (false, Reason::Error, Some(*ours)));
        assert_eq!(details.error_message.as_deref(), Some(&*theirs.to_string()));
        asked.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_asks_is_told_in_the_words_of_the_sdk() {
    let _turn = turn();
    let told = Arc::new(Mutex::new(OpenContext::default()));
    let _guard = start({
        let told = Arc::clone(&told);
        Fake::new(move |_, _, ctx| {
            *told.lock().unwrap() = ctx.clone();
            says(true)
        })
    });
    flag!(CART, &user("").attribute("age", 36).attribute("share", 0.5).attribute("is_new", true));
    let ctx = told.lock().unwrap().clone();
    assert_eq!(ctx.targeting_key, None, "nobody is known");
    assert_eq!(ctx.custom_fields.len(), 3);
    assert!(
        matches!(ctx.custom_fields["age"], Field::Int(36)) && matches!(ctx.custom_fields["is_new"], Field::Bool(true))
    );
    assert_eq!(ctx.custom_fields["share"].as_f64(), Some(0.5));
    flag!(CART, &user("ada").kind("device").group("beta").group("staff").attribute("plan", "pro"));
    let ctx = told.lock().unwrap().clone();
    assert_eq!(ctx.targeting_key.as_deref(), Some("ada"));
    let text = |name: &str| ctx.custom_fields[name].as_str().map(str::to_owned);
    assert_eq!((text("kind").as_deref(), text("groups").as_deref()), (Some("device"), Some("beta,staff")));
    assert_eq!(text("plan").as_deref(), Some("pro"));
}

#[test]
fn a_provider_that_takes_its_time_is_asked_in_the_background_from_then_on() {
    let _turn = turn();
    let fake = Fake::new(|_, _, ctx| says(ctx.targeting_key.is_some())).with(|shared| shared.delay = Delay::Once);
    let shared = fake.shared();
    let _guard = start(fake);
    let first = flag!(CART, &user("ada"), details);
    assert_eq!((first.value, first.error_code), (false, Some(ErrorCode::ProviderNotReady)));
    assert!(eventually(|| flag!(CART, &user("ada"))));
    assert!(prepare(&user("bob")).wait(SOON));
    let prepared = flag!(CART, &user("bob"), details);
    assert_eq!((prepared.value, prepared.reason), (true, Reason::Cached));
    for number in 0..100 {
        flag!(CART, &user(&format!("user-{number}")));
    }
    let here = thread::current().name().unwrap_or_default().to_owned();
    let in_this_thread = shared.asked_in.lock().unwrap().iter().filter(|thread| **thread == here).count();
    assert_eq!(in_this_thread, 1, "it is polled by a reader once, and never again");
}

#[test]
fn a_provider_that_never_answers_keeps_nobody_waiting() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| says(true)).with(|shared| shared.delay = Delay::Never);
    let guard = start(fake);
    for number in 0..1000 {
        let details = flag!(CART, &user(&number.to_string()), details);
        assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::ProviderNotReady)));
    }
    assert!(eventually(|| the_provider().late > 0));
    let begin = Instant::now();
    drop(guard);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_provider_that_needs_tokio_gets_the_runtime_it_is_given() {
    let _turn = turn();
    let fake = || Fake::new(|_, _, _| says(true)).with(|shared| shared.delay = Delay::Timer);
    let guard = start(fake());
    let details = flag!(CART, details);
    assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::General)), "no reactor is running");
    drop(guard);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guard = begin(FromOpenFeature::new("open", fake()).on_runtime(runtime.handle().clone()));
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    assert!(prepare(&user("ada")).wait(SOON));
    assert!(flag!(CART, &user("ada")));
}

#[test]
fn a_provider_that_panics_gives_the_declared_default() {
    let _turn = turn();
    let _guard = start(Fake::new(|key, _, _| if key == "open_cart" { panic!("on purpose") } else { says(7) }));
    let details = flag!(CART, details);
    assert_eq!((details.value, details.reason), (false, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::General));
    assert_eq!(
        details.error_message.as_deref(),
        Some("provider `open` panicked while it decided `open_cart`: on purpose")
    );
    assert_eq!(flag!(SIZE), 7, "its own flag only");
}

#[test]
fn a_provider_that_fails_is_left_alone_after_a_while() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Err(failed(EvaluationErrorCode::General("no".to_owned()), "no database")));
    let shared = fake.shared();
    let _guard = start(fake);
    for _ in 0..100 {
        assert!(!flag!(CART));
    }
    assert!(shared.asked_in.lock().unwrap().len() < 20);
    assert_eq!(the_provider().suspended, ["open_cart"]);
    assert_eq!(flag!(CART, details).error_code, Some(ErrorCode::General));
}

#[test]
fn flags_answer_their_defaults_while_initialize_lasts() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| says(true)).with(|shared| shared.gate.0 = Mutex::new(false));
    let shared = fake.shared();
    let guard = begin(FromOpenFeature::new("open", fake));
    let details = flag!(CART, details);
    assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::ProviderNotReady)));
    assert_eq!(details.error_message.as_deref(), Some("provider `open` is not ready"));
    assert_eq!(the_provider().state, ProviderState::NotReady);
    *shared.gate.0.lock().unwrap() = true;
    shared.gate.1.notify_all();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    assert!(flag!(CART));
}

#[test]
fn an_initialize_that_panics_is_fatal() {
    let _turn = turn();
    let guard = begin(FromOpenFeature::new(
        "open",
        Fake::new(|_, _, _| says(true)).with(|shared| shared.panics_at_start = true),
    ));
    assert_eq!(guard.wait_ready(SOON).unwrap_err().to_string(), "provider open: its start panicked");
    assert_eq!(the_provider().state, ProviderState::Fatal);
    assert!(!flag!(CART));
}

#[test]
fn its_status_is_looked_after() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| says(true)).with(|shared| shared.status = Mutex::new(ProviderStatus::NotReady));
    let shared = fake.shared();
    let guard = begin(FromOpenFeature::new("open", fake));
    assert!(eventually(|| the_provider().last_error.as_deref() == Some("its status is NOT_READY")));
    assert!(guard.wait_ready(Duration::ZERO).is_err());
    *shared.status.lock().unwrap() = ProviderStatus::Ready;
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    *shared.status.lock().unwrap() = ProviderStatus::STALE;
    assert!(eventually(|| the_provider().state == ProviderState::Stale));
    *shared.status.lock().unwrap() = ProviderStatus::Error;
    assert!(eventually(|| the_provider().state == ProviderState::Error));
}

/// Whom hooks have seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

#[async_trait]
impl Hook for Seen {
    async fn before<'a>(
        &self,
        ctx: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<OpenContext>, EvaluationError> {
        self.0.lock().unwrap().push(format!("before {} by {}", ctx.flag_key, ctx.provider_metadata.name));
        Ok(Some(ctx.evaluation_context.clone().with_targeting_key("by a hook")))
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        self.0.lock().unwrap().push(format!("after {:?}", details.value));
        Ok(())
    }

    async fn error<'a>(&self, _: &HookContext<'a>, error: &EvaluationError, _: Option<&'a HookHints>) {
        self.0.lock().unwrap().push(format!("error {}", error.code));
    }

    async fn finally<'a>(&self, _: &HookContext<'a>, _: &EvaluationDetails<Value>, _: Option<&'a HookHints>) {
        self.1.store(true, Ordering::SeqCst);
    }
}

#[test]
fn the_hooks_of_a_provider_run_around_it() {
    let _turn = turn();
    let seen = Seen::default();
    let mut fake = Fake::new(|key, _, ctx| match key {
        "open_title" => says(ctx.targeting_key.clone().unwrap_or_default()),
        _ => says("no bool"),
    });
    fake.hooks.push(HookWrapper::new(seen.clone()));
    let _guard = start(fake);
    assert_eq!(flag!(TITLE, &user("ada")), "by a hook");
    assert!(!flag!(CART));
    let told = seen.0.lock().unwrap().clone();
    assert_eq!(
        told,
        ["before open_title by Fake", "after String(\"by a hook\")", "before open_cart by Fake", "error TYPE_MISMATCH"]
    );
    assert!(seen.1.load(Ordering::SeqCst));
}
