//! The library as a provider of OpenFeature's Rust SDK: the rules of the specification, by their numbers.
//!
//! The specification is no part of this repository. Where `OPENFEATURE_SPEC_DIR` names a folder with its `specification.json`, it is
//! checked that each rule about providers has a test here, or a reason why it has none. A start is process-wide, so the tests of this
//! file take turns.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flags_runtime::hooks;
use flags_runtime::openfeature::FlagsProvider;
use flags_runtime::provider::{Provider, ProviderError, ProviderEvents, Resolution, ResolutionError, ValueType};
use flags_runtime::source::{Change, MemorySource, Mode, Source, SourceError};
use flags_runtime::{
    AnyValue, ErrorCode, EvaluationContext as OurContext, Flag, FlagValue, Json, Reason, RequestScope, builder,
    feature_flag, testing,
};
use open_feature::provider::{FeatureProvider, ProviderStatus, ResolutionDetails};
use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue as Field, EvaluationDetails, EvaluationError,
    EvaluationErrorCode, EvaluationOptions, EvaluationReason, FlagMetadataValue, Hook, HookContext, HookHints,
    OpenFeature, StructValue, Value, async_trait,
};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
struct Limits {
    max: u32,
    note: Option<String>,
    tags: Vec<Option<u8>>,
}

#[derive(serde::Deserialize)]
struct Inner;

fn limits() -> Limits {
    Limits { max: 5, note: None, tags: vec![Some(1)] }
}

#[feature_flag(name = "spec_bool", default = false, expires = "2099-01-01")]
static BOOL: Flag<bool>;
#[feature_flag(name = "spec_int", default = 3, expires = "2099-01-01")]
static INT: Flag<u8>;
#[feature_flag(name = "spec_huge", default = u64::MAX, expires = "2099-01-01")]
static HUGE: Flag<u64>;
#[feature_flag(name = "spec_odd", default = (1 << 53) + 1, expires = "2099-01-01")]
static ODD: Flag<i64>;
#[feature_flag(name = "spec_float", default = 0.5, expires = "2099-01-01", public)]
static FLOAT: Flag<f64>;
#[feature_flag(name = "spec_string", default = "declared", expires = "2099-01-01")]
static STRING: Flag<String>;
#[feature_flag(name = "spec_pricing", key = "Pricing 2", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "spec_limits", default_fn = limits, expires = "2099-01-01", public)]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "spec_list", default_fn = Vec::new, expires = "2099-01-01", public)]
static LIST: Flag<Json<Vec<u8>>>;
#[feature_flag(name = "spec_private", default = Inner, expires = "2099-01-01")]
static PRIVATE: Flag<Json<Inner>>;

const SOON: Duration = Duration::from_secs(20);

/// The rules about providers that have a test here: its name begins with the number.
const TESTED: [&str; 18] = [
    "2.1.1", "2.2.1", "2.2.2.1", "2.2.3", "2.2.4", "2.2.5", "2.2.6", "2.2.7", "2.2.8.1", "2.2.9", "2.2.10", "2.3.1",
    "2.3.2", "2.3.3", "2.4.1", "2.4.2.1", "2.5.1", "2.5.2",
];

/// The rules about providers that none of ours can keep or break by this SDK (0.3), and why.
const NOT_HERE: [(&str, &str); 14] = [
    ("2.2.2", "a condition: 2.2.2.1 follows from it"),
    ("2.2.8", "a condition: 2.2.8.1 follows from it"),
    ("2.4.2", "a condition: 2.4.2.1 follows from it"),
    ("2.4.3", "we keep no state for a domain, and the SDK has no way to declare it"),
    ("2.4.4", "the same"),
    ("2.5.3", "the SDK calls no shutdown; ours is the drop of a guard, which happens once"),
    ("2.6.1", "for static contexts: this SDK has dynamic ones"),
    ("2.7.1", "the SDK has no tracking; `EvaluationDetails::track` is ours"),
    ("2.8.1", "the SDK has no events; `builder().on_event(..)` is ours"),
    ("2.8.2", "the same"),
    ("2.8.3", "the same"),
    ("2.8.4", "the same, and for static contexts"),
    ("2.8.5", "a condition that does not hold: we have an `initialize`"),
    ("2.8.5.1", "about the SDK, and for providers without an `initialize`"),
];

fn turn() -> MutexGuard<'static, ()> {
    static TURNS: Mutex<()> = Mutex::new(());
    let turn = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    // What was decided before stays in force until somebody else begins.
    drop(builder().start().unwrap());
    turn
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A client of an instance of its own.
async fn client(provider: FlagsProvider) -> Client {
    let mut api = OpenFeature::default();
    api.set_provider(provider).await;
    api.create_client()
}

fn user(name: &str) -> EvaluationContext {
    EvaluationContext::default().with_targeting_key(name)
}

fn asked<V: std::fmt::Debug>(
    resolved: Result<ResolutionDetails<V>, EvaluationError>,
) -> (V, Option<String>, Option<EvaluationReason>) {
    let ResolutionDetails { value, variant, reason, .. } = resolved.unwrap();
    (value, variant, reason)
}

fn refused<V: std::fmt::Debug>(resolved: Result<V, EvaluationError>) -> (EvaluationErrorCode, String) {
    let EvaluationError { code, message } = resolved.unwrap_err();
    (code, message.unwrap())
}

const ON: &str = r#"{"spec_bool":{"enabled":true},"spec_int":{"enabled":true,"value":7},"spec_float":{"enabled":true,"value":2.5},
    "spec_string":{"enabled":true,"value":"told"},"Pricing 2":{"enabled":true,"value":"variant_a"},
    "spec_limits":{"enabled":true,"value":{"max":9,"note":"a \"b\"","tags":[]}}}"#;

#[test]
fn rule_2_1_1_the_provider_has_a_name() {
    assert_eq!(FlagsProvider::new().metadata().name, "flags-runtime");
    let _turn = turn();
    let name = run(async {
        let mut api = OpenFeature::default();
        api.set_provider(FlagsProvider::default()).await;
        api.provider_metadata().await.name
    });
    assert_eq!(name, "flags-runtime");
}

#[test]
fn rule_2_2_1_a_flag_is_resolved_by_its_key_for_a_context() {
    let _turn = turn();
    let documents = r#"{"spec_bool":{"enabled":true,"allowed_users":["ada"],"rollout_percentage":0}}"#;
    testing::with_documents(documents, || {
        run(async {
            let provider = FlagsProvider::new();
            assert!(asked(provider.resolve_bool_value("spec_bool", &user("ada")).await).0);
            assert!(!asked(provider.resolve_bool_value("spec_bool", &user("bob")).await).0);
            // By the declared key, not by the name.
            assert!(provider.resolve_string_value("Pricing 2", &user("ada")).await.is_ok());
            let (code, message) = refused(provider.resolve_string_value("spec_pricing", &user("ada")).await);
            assert_eq!(code, EvaluationErrorCode::FlagNotFound, "{message}");
        });
    });
}

#[test]
fn rule_2_2_2_1_each_type_is_resolved_as_what_it_is() {
    let _turn = turn();
    testing::with_documents(ON, || {
        run(async {
            let (provider, ctx) = (FlagsProvider::new(), user("ada"));
            assert!(asked(provider.resolve_bool_value("spec_bool", &ctx).await).0);
            assert_eq!(asked(provider.resolve_int_value("spec_int", &ctx).await).0, 7);
            let float = |value: f64, expected: f64| assert!((value - expected).abs() < f64::EPSILON, "{value}");
            float(asked(provider.resolve_float_value("spec_int", &ctx).await).0, 7.0);
            float(asked(provider.resolve_float_value("spec_float", &ctx).await).0, 2.5);
            assert_eq!(asked(provider.resolve_string_value("spec_string", &ctx).await).0, "told");
            assert_eq!(asked(provider.resolve_string_value("Pricing 2", &ctx).await).0, "variant_a");
            let limits = asked(provider.resolve_struct_value("spec_limits", &ctx).await).0;
            let expected = StructValue::default()
                .with_field("max", 9)
                .with_field("note", "a \"b\"")
                .with_field("tags", Value::Array(Vec::new()));
            assert_eq!(limits, expected);
        });
    });
}

#[test]
fn rule_2_2_3_the_value_is_what_a_read_in_the_program_gives() {
    let _turn = turn();
    run(async {
        let (provider, ctx) = (FlagsProvider::new(), user("ada"));
        assert_eq!(asked(provider.resolve_string_value("spec_string", &ctx).await).0, "declared");
        // Forced in a test, decided by a document, or held by a request: it is one and the same read.
        let forced =
            STRING.force_in("forced", async { provider.resolve_string_value("spec_string", &ctx).await }).await;
        assert_eq!(asked(forced), ("forced".to_owned(), None, Some(EvaluationReason::Other("OVERRIDE".to_owned()))));
        let limits = asked(provider.resolve_struct_value("spec_limits", &ctx).await).0;
        let tags = Value::Array(vec![Value::Int(1)]);
        assert_eq!(limits, StructValue::default().with_field("max", 5).with_field("tags", tags), "null is left out");
    });
}

#[test]
fn rule_2_2_3_a_value_that_the_sdk_cannot_hold_is_a_mismatch() {
    let _turn = turn();
    run(async {
        let (provider, ctx) = (FlagsProvider::new(), user("ada"));
        let mismatch = |(code, message): (EvaluationErrorCode, String), said: &str| {
            assert_eq!((code, &*message), (EvaluationErrorCode::TypeMismatch, said));
        };
        mismatch(
            refused(provider.resolve_int_value("spec_huge", &ctx).await),
            "the value of flag `spec_huge` is 18446744073709551615, which is more than the SDK's 64 bits hold",
        );
        mismatch(
            refused(provider.resolve_float_value("spec_odd", &ctx).await),
            "the value of flag `spec_odd` is 9007199254740993, which no float holds exactly",
        );
        mismatch(
            refused(provider.resolve_struct_value("spec_list", &ctx).await),
            "the value of flag `spec_list` is a JSON array, where the SDK takes an object only",
        );
        let with_null = Limits { tags: vec![None], ..limits() };
        let resolved = LIMITS.force_in(with_null, provider.resolve_struct_value("spec_limits", &ctx)).await;
        mismatch(
            refused(resolved),
            "the value of flag `spec_limits` is JSON with a null in a list, which the SDK has no value for",
        );
    });
}

#[test]
fn rule_2_2_4_the_variant_is_the_name_of_the_value() {
    let _turn = turn();
    testing::with_documents(ON, || {
        run(async {
            let (provider, ctx) = (FlagsProvider::new(), user("ada"));
            let variant = asked(provider.resolve_bool_value("spec_bool", &ctx).await).1;
            assert_eq!(variant.as_deref(), Some("on"));
            let variant = asked(provider.resolve_string_value("Pricing 2", &ctx).await).1;
            assert_eq!(variant.as_deref(), Some("variant_a"));
            assert_eq!(asked(provider.resolve_int_value("spec_int", &ctx).await).1, None, "numbers have no name");
        });
    });
}

#[test]
fn rule_2_2_5_the_reason_is_why_it_is_this_value() {
    let _turn = turn();
    let reason = |document: &str, user_name: &str| {
        let documents = format!(r#"{{"spec_bool":{document}}}"#);
        testing::with_documents(&documents, || {
            run(async {
                asked(FlagsProvider::new().resolve_bool_value("spec_bool", &user(user_name)).await).2.unwrap()
            })
        })
    };
    let listed = r#"{"enabled":true,"allowed_users":["ada"],"rollout_percentage":50}"#;
    assert_eq!(reason("null", "ada"), EvaluationReason::Default);
    assert_eq!(reason(r#"{"enabled":true}"#, "ada"), EvaluationReason::Static);
    assert_eq!(reason(r#"{"enabled":false}"#, "ada"), EvaluationReason::Disabled);
    assert_eq!(reason(listed, "ada"), EvaluationReason::TargetingMatch);
    assert_eq!(reason(listed, "bob"), EvaluationReason::Split);
    let _on = BOOL.force(true);
    let forced = run(async { asked(FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await).2 });
    assert_eq!(forced, Some(EvaluationReason::Other("OVERRIDE".to_owned())));
}

#[test]
fn rule_2_2_6_an_answer_has_no_error_code_but_tells_what_went_wrong_on_the_way() {
    let _turn = turn();
    let documents = r#"{"spec_bool":{"enabled":true,"rollout_percentage":50}}"#;
    testing::with_documents(documents, || {
        run(async {
            let provider = FlagsProvider::new();
            // By the type of the SDK: an answer has no place for a code. Nobody is known here, and there is an answer all the same.
            let resolved = provider.resolve_bool_value("spec_bool", &EvaluationContext::default()).await.unwrap();
            assert_eq!(resolved.reason, Some(EvaluationReason::Split));
            let told = &resolved.flag_metadata.unwrap().values["errorCode"];
            assert_eq!(*told, FlagMetadataValue::String("TARGETING_KEY_MISSING".to_owned()));
            let resolved = provider.resolve_bool_value("spec_bool", &user("ada")).await.unwrap();
            assert!(resolved.flag_metadata.unwrap().values.is_empty());
        });
    });
}

#[test]
fn rule_2_2_7_what_goes_wrong_is_an_error_with_its_code() {
    let _turn = turn();
    run(async {
        let (provider, ctx) = (FlagsProvider::new(), user("ada"));
        let (code, message) = refused(provider.resolve_bool_value("spec_boool", &ctx).await);
        assert_eq!(code, EvaluationErrorCode::FlagNotFound);
        assert!(message.contains("no flag of the key `spec_boool`: did you mean `spec_bool`"), "{message}");
        let (code, message) = refused(provider.resolve_bool_value("nothing like any of them", &ctx).await);
        assert_eq!(code, EvaluationErrorCode::FlagNotFound);
        assert_eq!(message, "this program has no flag of the key `nothing like any of them`");
        let (code, message) = refused(provider.resolve_struct_value("spec_private", &ctx).await);
        assert_eq!(code, EvaluationErrorCode::General("GENERAL".to_owned()));
        assert!(message.contains("`spec_private` is a `Json<..>` that is not declared `public`"), "{message}");
    });
    testing::with_documents(r#"{"spec_bool":{"enabled":"yes"}}"#, || {
        let (code, message) =
            run(async { refused(FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await) });
        assert_eq!((code, &*message), (EvaluationErrorCode::ParseError, "flag `spec_bool` has no value: PARSE_ERROR"));
    });
}

#[test]
fn rule_2_2_7_another_type_than_the_declared_one_is_a_mismatch() {
    let _turn = turn();
    let read = Arc::new(Mutex::new(0));
    let _hook = hooks::add(Count(Arc::clone(&read)));
    run(async {
        let (provider, ctx) = (FlagsProvider::new(), user("ada"));
        for (key, declared) in [
            ("spec_bool", "bool"),
            ("spec_int", "u8"),
            ("spec_float", "f64"),
            ("spec_string", "string"),
            ("Pricing 2", "enum"),
            ("spec_limits", "json"),
        ] {
            let mut refusals = Vec::new();
            let mut ask = |wanted: &str, resolved: Result<(), EvaluationError>| {
                if let Err(EvaluationError { code, message }) = resolved {
                    assert_eq!(code, EvaluationErrorCode::TypeMismatch);
                    let said = format!("flag `{key}` is of type {declared}, and was asked for as {wanted}");
                    assert_eq!(message, Some(said));
                    refusals.push(wanted.to_owned());
                }
            };
            ask("a bool", provider.resolve_bool_value(key, &ctx).await.map(drop));
            ask("an int", provider.resolve_int_value(key, &ctx).await.map(drop));
            ask("a float", provider.resolve_float_value(key, &ctx).await.map(drop));
            ask("a string", provider.resolve_string_value(key, &ctx).await.map(drop));
            ask("a struct", provider.resolve_struct_value(key, &ctx).await.map(drop));
            assert_eq!(refusals.len(), if declared == "u8" { 3 } else { 4 }, "{key}: {refusals:?}");
        }
    });
    assert_eq!(*read.lock().unwrap(), 7, "a flag is not evaluated for what it is not");
}

/// Counts reads.
struct Count(Arc<Mutex<u32>>);

impl hooks::Hook for Count {
    fn finally(&self, _: &mut hooks::HookContext<'_>, _: &flags_runtime::EvaluationDetails<AnyValue<'_>>) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn rule_2_2_8_1_the_resolution_is_of_the_type_that_was_asked_for() {
    let _turn = turn();
    run(async {
        let provider = FlagsProvider::new();
        let _: ResolutionDetails<bool> = provider.resolve_bool_value("spec_bool", &user("ada")).await.unwrap();
        let _: ResolutionDetails<StructValue> =
            provider.resolve_struct_value("spec_limits", &user("ada")).await.unwrap();
    });
}

type Decide = fn(&str, &OurContext) -> Result<Resolution, ResolutionError>;

/// A provider of ours behind the SDK's.
struct Behind {
    decide: Decide,
    is_quick: bool,
    start: fn(&ProviderEvents) -> Result<(), ProviderError>,
}

impl Provider for Behind {
    fn name(&self) -> &'static str {
        "behind"
    }

    fn resolve(&self, key: &str, _: ValueType, ctx: &OurContext) -> Result<Resolution, ResolutionError> {
        (self.decide)(key, ctx)
    }

    fn resolve_now(&self, key: &str, _: ValueType, ctx: &OurContext) -> Option<Result<Resolution, ResolutionError>> {
        self.is_quick.then(|| (self.decide)(key, ctx))
    }

    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        (self.start)(&events)
    }
}

fn behind(decide: Decide) -> Behind {
    let start = |events: &ProviderEvents| {
        events.ready();
        Ok(())
    };
    Behind { decide, is_quick: true, start }
}

#[test]
fn rule_2_2_9_flag_metadata_is_what_the_provider_behind_says() {
    let _turn = turn();
    let guard = builder()
        .provider_for_all(behind(|_, _| {
            let resolution = Resolution::new(true).variant("yes").reason(Reason::Stale);
            Ok(resolution.metadata("rule", "r-1").metadata("index", 2_i64).metadata("share", 0.1).metadata("is", true))
        }))
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    let resolved = run(async { FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await.unwrap() });
    assert_eq!((resolved.value, resolved.variant.as_deref()), (true, Some("yes")));
    assert_eq!(resolved.reason, Some(EvaluationReason::Other("STALE".to_owned())));
    let told: BTreeMap<_, _> = resolved.flag_metadata.unwrap().values.into_iter().collect();
    let expected = [
        ("index".to_owned(), FlagMetadataValue::Int(2)),
        ("is".to_owned(), FlagMetadataValue::Bool(true)),
        ("rule".to_owned(), FlagMetadataValue::String("r-1".to_owned())),
        ("share".to_owned(), FlagMetadataValue::Float(0.1)),
    ];
    assert_eq!(told, expected.into());
}

#[test]
fn rule_2_2_10_flag_metadata_is_empty_where_nobody_says_anything() {
    let _turn = turn();
    let resolved = run(async { FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await.unwrap() });
    assert!(resolved.flag_metadata.unwrap().values.is_empty());
}

/// What hooks of the SDK have seen.
#[derive(Clone, Default)]
struct Seen {
    name: &'static str,
    told: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    fn called(&self, name: &'static str) -> Self {
        Self { name, told: Arc::clone(&self.told) }
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    fn saw(&self, what: &str) {
        self.told.lock().unwrap().push(format!("{} {what}", self.name));
    }
}

#[async_trait]
impl Hook for Seen {
    async fn before<'a>(
        &self,
        ctx: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        self.saw(&format!("before {} at {}", ctx.flag_key, ctx.provider_metadata.name));
        Ok(None)
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        self.saw(&format!("after {:?}", details.value));
        Ok(())
    }

    async fn error<'a>(&self, _: &HookContext<'a>, error: &EvaluationError, _: Option<&'a HookHints>) {
        self.saw(&format!("error {}", error.code));
    }

    async fn finally<'a>(&self, _: &HookContext<'a>, details: &EvaluationDetails<Value>, _: Option<&'a HookHints>) {
        self.saw(&format!("finally {:?}", details.reason.as_ref().map(ToString::to_string).unwrap_or_default()));
    }
}

#[test]
fn rule_2_3_1_hooks_of_the_provider_run_around_its_evaluations() {
    let _turn = turn();
    let seen = Seen::default();
    run(async {
        let client = client(FlagsProvider::new().hook(seen.called("provider"))).await.with_hook(seen.called("client"));
        let options = EvaluationOptions::default().with_hook(seen.called("call"));
        client.get_bool_value("spec_bool", None, Some(&options)).await.unwrap();
    });
    // 4.4.2: the client's, the call's and the provider's, and backwards behind the evaluation.
    let told = seen.told();
    assert_eq!(
        told,
        [
            "client before spec_bool at flags-runtime",
            "call before spec_bool at flags-runtime",
            "provider before spec_bool at flags-runtime",
            "provider after Bool(false)",
            "call after Bool(false)",
            "client after Bool(false)",
            "provider finally \"DEFAULT\"",
            "call finally \"DEFAULT\"",
            "client finally \"DEFAULT\"",
        ]
    );
}

#[test]
fn rule_2_3_2_and_2_3_3_a_message_comes_with_errors_only() {
    let _turn = turn();
    run(async {
        let provider = FlagsProvider::new();
        // An answer has no place for a message, by the type of the SDK.
        assert!(provider.resolve_bool_value("spec_bool", &user("ada")).await.is_ok());
        assert!(provider.resolve_bool_value("nothing", &user("ada")).await.unwrap_err().message.is_some());
    });
}

#[test]
fn rule_2_3_3_the_message_of_the_provider_behind_is_passed_on() {
    let _turn = turn();
    let guard = builder()
        .provider_for_all(behind(|key, _| match key {
            "spec_bool" => Err(ResolutionError::new(ErrorCode::InvalidContext, "no key")),
            "spec_int" => Err(ResolutionError::new(ErrorCode::ProviderFatal, "no licence")),
            _ => Err(ResolutionError::new(ErrorCode::TargetingKeyMissing, "who?")),
        }))
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    run(async {
        let (provider, ctx) = (FlagsProvider::new(), user("ada"));
        let told = refused(provider.resolve_bool_value("spec_bool", &ctx).await);
        assert_eq!(told, (EvaluationErrorCode::InvalidContext, "no key".to_owned()));
        // The SDK has no such code: the text of a general one is shown in its place.
        let (code, message) = refused(provider.resolve_int_value("spec_int", &ctx).await);
        assert_eq!((code.to_string().as_str(), &*message), ("PROVIDER_FATAL", "no licence"));
        let (code, _) = refused(provider.resolve_string_value("spec_string", &ctx).await);
        assert_eq!(code, EvaluationErrorCode::TargetingKeyMissing);
    });
}

/// A source that does not answer until it is told to.
struct Silent {
    memory: MemorySource,
    answers: Arc<Mutex<bool>>,
}

impl Source for Silent {
    fn describe(&self) -> String {
        "silent".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        if !*self.answers.lock().unwrap() {
            return Err(SourceError::unreachable("away"));
        }
        self.memory.fetch(keys)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        self.memory.wait(timeout)
    }

    fn mode(&self) -> Mode {
        self.memory.mode()
    }
}

#[test]
fn rule_2_4_1_initialize_waits_until_the_flags_are_there() {
    let _turn = turn();
    let memory = MemorySource::new();
    memory.writer().set("spec_bool", r#"{"enabled":true}"#);
    let guard = builder().source(memory).start().unwrap();
    let value = run(async { client(FlagsProvider::new()).await.get_bool_value("spec_bool", None, None).await });
    assert_eq!(value, Ok(true), "1.1.2.2: not used before");
    assert_eq!(FlagsProvider::new().status(), ProviderStatus::Ready);
    drop(guard);
}

#[test]
fn rule_2_4_2_1_the_status_tells_of_an_initialize_in_vain_and_evaluations_do() {
    // The SDK's `initialize` returns nothing, so it cannot terminate abnormally.
    let _turn = turn();
    let answers = Arc::new(Mutex::new(false));
    let source = Silent { memory: MemorySource::new(), answers: Arc::clone(&answers) };
    let guard = builder().source(source).refresh(Duration::from_millis(100)).start().unwrap();
    let begin = Instant::now();
    let provider = || FlagsProvider::new().ready_within(Duration::from_millis(50));
    let client = run(client(provider()));
    assert!(begin.elapsed() < SOON);
    assert_eq!(provider().status(), ProviderStatus::NotReady);
    let (code, message) = refused(run(client.get_bool_value("spec_bool", None, None)));
    assert_eq!(code, EvaluationErrorCode::ProviderNotReady);
    assert_eq!(message, "flag `spec_bool` has no document yet: its source was not reached");
    // A test that forces it goes by that.
    let on = BOOL.force(true);
    assert_eq!(run(client.get_bool_value("spec_bool", None, None)), Ok(true));
    drop(on);
    *answers.lock().unwrap() = true;
    assert!(guard.wait_ready(SOON).is_ok());
    assert_eq!(provider().status(), ProviderStatus::Ready);
    assert_eq!(run(client.get_bool_value("spec_bool", None, None)), Ok(false), "the declared default now");
}

#[test]
fn who_is_decided_by_a_provider_needs_no_source() {
    let _turn = turn();
    let source = Silent { memory: MemorySource::new(), answers: Arc::default() };
    let decide: Decide = |_, _| Ok(Resolution::declared_default().reason(Reason::Default));
    let _guard = builder().source(source).provider_for_all(behind(decide)).start().unwrap();
    let provider = FlagsProvider::new();
    let answered = asked(run(provider.resolve_int_value("spec_int", &user("ada"))));
    assert_eq!(answered, (3, None, Some(EvaluationReason::Default)));
    assert_eq!(provider.status(), ProviderStatus::NotReady);
}

#[test]
fn rule_2_5_1_and_2_5_2_behind_the_guard_it_is_as_before_the_start() {
    let _turn = turn();
    let guard = builder().source(MemorySource::new()).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    assert_eq!(FlagsProvider::new().status(), ProviderStatus::Ready);
    drop(guard);
    assert_eq!(FlagsProvider::new().status(), ProviderStatus::NotReady);
    // What was decided stays: reads never fail.
    assert_eq!(
        run(async {
            client(FlagsProvider::new().ready_within(Duration::ZERO)).await.get_int_value("spec_int", None, None).await
        }),
        Ok(3)
    );
}

#[test]
fn rule_1_7_1_the_status_is_that_of_what_decides() {
    let _turn = turn();
    let status_of = |start: fn(&ProviderEvents) -> Result<(), ProviderError>, expected: ProviderStatus| {
        let provider = Behind { start, ..behind(|_, _| Ok(Resolution::new(true))) };
        let _guard = builder().provider_for_all(provider).start().unwrap();
        let deadline = Instant::now() + SOON;
        while FlagsProvider::new().status() != expected {
            assert!(Instant::now() < deadline, "{:?}, not {expected:?}", FlagsProvider::new().status());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    status_of(
        |events| {
            events.ready();
            Ok(())
        },
        ProviderStatus::Ready,
    );
    status_of(|_| Ok(()), ProviderStatus::NotReady);
    status_of(
        |events| {
            events.error("away");
            Ok(())
        },
        ProviderStatus::Error,
    );
    status_of(
        |events| {
            events.ready();
            events.stale("old");
            Ok(())
        },
        ProviderStatus::STALE,
    );
    status_of(|_| Err(ProviderError::new("no licence")), ProviderStatus::Error);
}

#[test]
fn a_provider_behind_that_takes_its_time_is_waited_for() {
    let _turn = turn();
    let decide: Decide = |key, ctx| match key {
        "spec_bool" => Ok(Resolution::new(ctx.targeting_key() == "ada")),
        _ => panic!("not asked for"),
    };
    let guard = builder().provider_for_all(Behind { is_quick: false, ..behind(decide) }).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    let (value, _, reason) =
        asked(run(async { FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await }));
    assert_eq!((value, reason), (true, Some(EvaluationReason::Cached)));
}

#[test]
fn rule_1_4_3_to_1_4_14_the_client_tells_key_value_variant_reason_and_code() {
    let _turn = turn();
    let seen = Seen::default();
    testing::with_documents(ON, || {
        run(async {
            let client = client(FlagsProvider::new()).await.with_hook(seen.called("client"));
            let details = client.get_string_details("Pricing 2", Some(&user("ada")), None).await.unwrap();
            assert_eq!((&*details.flag_key, &*details.value), ("Pricing 2", "variant_a")); // 1.4.3, 1.4.5
            assert_eq!(details.variant.as_deref(), Some("variant_a")); // 1.4.6
            assert_eq!(details.reason, Some(EvaluationReason::Static)); // 1.4.7
            assert!(details.flag_metadata.values.is_empty()); // 1.4.14
            seen.told();
            let (code, message) = refused(client.get_int_value("spec_bool", None, None).await);
            assert_eq!((code.to_string().as_str(), message.is_empty()), ("TYPE_MISMATCH", false)); // 1.4.8, 1.4.13
        });
    });
    // 1.4.9, 4.3.7, 4.3.8
    assert_eq!(seen.told()[1..], ["client error TYPE_MISMATCH", "client finally \"ERROR\""]);
}

#[test]
fn rule_1_4_10_hooks_of_ours_that_fail_are_errors_to_the_client() {
    struct Fails;
    impl hooks::Hook for Fails {
        fn before(&self, _: &mut hooks::HookContext<'_>) -> Result<Option<OurContext>, hooks::HookError> {
            Err("on purpose".into())
        }
    }
    let _turn = turn();
    let _hook = hooks::add(Fails);
    let (code, _) =
        refused(run(async { client(FlagsProvider::new()).await.get_bool_value("spec_bool", None, None).await }));
    assert_eq!(code, EvaluationErrorCode::General("GENERAL".to_owned()));
}

#[test]
fn rule_3_1_1_and_3_1_2_the_context_arrives_whole() {
    static TOLD: Mutex<Option<OurContext>> = Mutex::new(None);
    let _turn = turn();
    let guard = builder()
        .provider_for_all(behind(|_, ctx| {
            *TOLD.lock().unwrap() = Some(ctx.clone());
            Ok(Resolution::new(true))
        }))
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    let told = |ctx: &EvaluationContext| {
        run(async { FlagsProvider::new().resolve_bool_value("spec_bool", ctx).await.unwrap() });
        TOLD.lock().unwrap().take().unwrap()
    };
    let moment = std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    let ctx = user("ada")
        .with_custom_field("is_new", true)
        .with_custom_field("age", 36)
        .with_custom_field("share", 0.5)
        .with_custom_field("plan", "pro")
        .with_custom_field("kind", "device")
        .with_custom_field("groups", "beta, staff,")
        .with_custom_field("since", Field::DateTime(moment.into()))
        .with_custom_field("other", Field::new_struct(7_u8));
    let expected = OurContext::new("ada")
        .kind("device")
        .groups(["beta", "staff"])
        .attribute("is_new", true)
        .attribute("age", 36)
        .attribute("share", 0.5)
        .attribute("plan", "pro")
        .attribute("since", "2023-11-14T22:13:20.250000000+00:00");
    assert_eq!(told(&ctx), expected);
    let groups = Field::new_struct(vec!["a, b".to_owned(), "c".to_owned()]);
    let expected = OurContext::anonymous().groups(["a, b", "c"]);
    assert_eq!(told(&EvaluationContext::default().with_custom_field("groups", groups)), expected);
    assert_eq!(told(&EvaluationContext::default()), OurContext::anonymous());
}

#[test]
fn rule_3_2_3_contexts_are_merged_before_they_arrive() {
    let _turn = turn();
    let documents =
        r#"{"spec_bool":{"enabled":true,"allowed_users":["ada"],"allowed_groups":["beta"],"rollout_percentage":0}}"#;
    testing::with_documents(documents, || {
        run(async {
            let mut api = OpenFeature::default();
            api.set_provider(FlagsProvider::new()).await;
            api.set_evaluation_context(user("ada")).await;
            let mut client = api.create_client();
            assert_eq!(client.get_bool_value("spec_bool", None, None).await, Ok(true));
            client.set_evaluation_context(user("bob"));
            assert_eq!(client.get_bool_value("spec_bool", None, None).await, Ok(false));
            let beta = EvaluationContext::default().with_custom_field("groups", "beta");
            assert_eq!(client.get_bool_value("spec_bool", Some(&beta), None).await, Ok(true));
        });
    });
}

#[test]
fn a_request_has_one_answer_for_the_sdk_too() {
    let _turn = turn();
    let memory = MemorySource::new();
    let writer = memory.writer();
    writer.set("spec_bool", r#"{"enabled":true}"#);
    let guard = builder().source(memory).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    let read = || run(async { asked(FlagsProvider::new().resolve_bool_value("spec_bool", &user("ada")).await).0 });
    RequestScope::new(OurContext::new("ada")).scope(|| {
        assert!(read());
        writer.set("spec_bool", r#"{"enabled":true,"rollout_percentage":0}"#);
        let deadline = Instant::now() + SOON;
        while std::thread::spawn(|| BOOL.get()).join().unwrap() {
            assert!(Instant::now() < deadline);
        }
        assert!(read(), "as it was when the request began");
    });
    assert!(!read());
}

#[test]
fn every_rule_about_providers_has_a_test_or_a_reason() {
    let source = include_str!("openfeature.rs");
    for rule in TESTED {
        let number = rule.replace('.', "_");
        let is_tested = source.contains(&format!("fn rule_{number}_")) || source.contains(&format!("_and_{number}_"));
        assert!(is_tested, "{rule} has no test");
    }
    let Some(folder) = std::env::var_os("OPENFEATURE_SPEC_DIR") else {
        eprintln!("OPENFEATURE_SPEC_DIR is not set: the rules are not compared with the specification");
        return;
    };
    let path = std::path::Path::new(&folder).join("specification.json");
    let specification: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut numbers = Vec::new();
    collect(&specification["rules"], &mut numbers);
    let of_providers: Vec<_> = numbers.iter().filter(|number| number.starts_with("2.")).collect();
    assert!(of_providers.len() > 20, "{of_providers:?}");
    for number in &of_providers {
        let is_tested = TESTED.contains(&number.as_str());
        let is_explained = NOT_HERE.iter().any(|(rule, _)| rule == number);
        assert!(is_tested != is_explained, "rule {number}: tested {is_tested}, explained {is_explained}");
    }
    for rule in TESTED.iter().chain(NOT_HERE.iter().map(|(rule, _)| rule)) {
        assert!(numbers.iter().any(|number| number == rule), "the specification has no rule {rule} any more");
    }
    eprintln!("{} rules about providers: {} tested, {} explained", of_providers.len(), TESTED.len(), NOT_HERE.len());
}

fn collect(rules: &serde_json::Value, numbers: &mut Vec<String>) {
    for rule in rules.as_array().into_iter().flatten() {
        let id = rule["id"].as_str().unwrap_or_default();
        numbers.extend(id.rsplit(' ').next().map(str::to_owned));
        collect(&rule["children"], numbers);
    }
}
