//! The world of one scenario: what its steps do, and see.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flags_runtime::openfeature::FlagsProvider;
use flags_runtime::{AttributeValue, Guard, builder};
use open_feature::provider::{FeatureProvider as _, ProviderStatus};
use open_feature::{
    Client, EvaluationContext, EvaluationDetails, EvaluationError, EvaluationOptions, EvaluationReason,
    EvaluationResult, FlagMetadata, FlagMetadataValue, Hook, HookContext, HookHints, OpenFeature, StructValue, Value,
    async_trait,
};
use serde_json::{Map, Value as Json, json};

use crate::flags::{OfFile, State};
use crate::gherkin::Step;

const SOON: Duration = Duration::from_secs(20);

/// What came of an evaluation; where it went wrong the caller's default, as `unwrap_or` gives it.
#[derive(Clone, Debug, Default)]
struct Outcome {
    key: String,
    value: Json,
    variant: Option<String>,
    reason: String,
    error_code: Option<String>,
    metadata: FlagMetadata,
}

/// A flag that is to be read, as what, and with which default.
#[derive(Clone, Debug, Default)]
struct Wanted {
    kind: String,
    key: String,
    default: Json,
}

/// What hooks are told.
#[derive(Clone, Default)]
struct Recorder {
    name: &'static str,
    told: Arc<Mutex<Vec<Told>>>,
    /// What `before` adds to the context.
    adds: Option<(String, String)>,
}

#[derive(Clone, Debug)]
struct Told {
    by: &'static str,
    stage: &'static str,
    key: String,
    details: Option<EvaluationDetails<Value>>,
    error_code: Option<String>,
}

/// All that a scenario has.
pub(crate) struct World {
    flags: Map<String, Json>,
    is_quick: bool,
    guard: Option<Guard>,
    last_context: Arc<Mutex<Option<flags_runtime::EvaluationContext>>>,
    api: EvaluationContext,
    of_client: EvaluationContext,
    ctx: EvaluationContext,
    before: Option<(String, String)>,
    options: EvaluationOptions,
    recorder: Recorder,
    wanted: Wanted,
    outcome: Outcome,
    levels: Vec<String>,
    given: Option<EvaluationContext>,
}

impl World {
    pub(crate) async fn new(flags: Map<String, Json>, is_quick: bool) -> Self {
        OpenFeature::singleton_mut().await.set_evaluation_context(EvaluationContext::default()).await;
        Self {
            flags,
            is_quick,
            guard: None,
            last_context: Arc::default(),
            api: EvaluationContext::default(),
            of_client: EvaluationContext::default(),
            ctx: EvaluationContext::default(),
            before: None,
            options: EvaluationOptions::default(),
            recorder: Recorder { name: "client", ..Recorder::default() },
            wanted: Wanted::default(),
            outcome: Outcome::default(),
            levels: Vec::new(),
            given: None,
        }
    }

    /// Starts, with a provider that is so.
    async fn start(&mut self, state: State) {
        drop(self.guard.take());
        let provider = OfFile::new(self.flags.clone(), state, self.is_quick, Arc::clone(&self.last_context));
        let guard = builder().provider_for_all(provider).start().unwrap();
        let is_soon_ready = state == State::Stable || state == State::Stale;
        assert_eq!(guard.wait_ready(if is_soon_ready { SOON } else { Duration::ZERO }).is_ok(), is_soon_ready);
        self.guard = Some(guard);
        let provider = FlagsProvider::new().ready_within(Duration::ZERO);
        OpenFeature::singleton_mut().await.set_provider(provider).await;
    }

    async fn client(&self) -> Client {
        let api = OpenFeature::singleton().await;
        let mut client = api.create_client().with_hook(self.recorder.clone());
        client.set_evaluation_context(self.of_client.clone());
        if let Some(adds) = &self.before {
            client = client.with_hook(Recorder { adds: Some(adds.clone()), ..Recorder::default() });
        }
        client
    }

    async fn evaluate(&mut self) {
        let Wanted { kind, key, default } = self.wanted.clone();
        let (client, ctx, options) = (self.client().await, &self.ctx, Some(&self.options));
        self.recorder.told.lock().unwrap().clear();
        let key = key.as_str();
        self.outcome = match kind.to_lowercase().as_str() {
            "boolean" => of(client.get_bool_details(key, Some(ctx), options).await.map(EvaluationDetails::into_value)),
            "string" => of(client.get_string_details(key, Some(ctx), options).await.map(EvaluationDetails::into_value)),
            "integer" => of(client.get_int_details(key, Some(ctx), options).await.map(EvaluationDetails::into_value)),
            "float" => of(client.get_float_details(key, Some(ctx), options).await.map(EvaluationDetails::into_value)),
            "object" => of(client
                .get_struct_details::<StructValue>(key, Some(ctx), options)
                .await
                .map(EvaluationDetails::into_value)),
            other => panic!("what is a {other} flag?"),
        };
        if self.outcome.error_code.is_some() {
            // What the SDK gives is an error, which has no reason: hooks are told one.
            let told = self.recorder.told.lock().unwrap();
            let last = told.iter().rev().find(|told| told.by == "client" && told.stage == "finally").unwrap();
            let reason = last.details.as_ref().and_then(|details| details.reason.as_ref());
            self.outcome.reason = reason.map(EvaluationReason::to_string).unwrap_or_default();
            self.outcome.value = default;
            self.outcome.key.clone_from(&last.key);
        }
    }

    fn want(&mut self, kind: &str, key: &str, default: &str) {
        self.wanted = Wanted { kind: kind.to_owned(), key: key.to_owned(), default: parsed(kind, default) };
    }

    async fn add(&mut self, level: &str, key: &str, value: &str) {
        match level {
            "API" => {
                self.api.add_custom_field(key, value);
                OpenFeature::singleton_mut().await.set_evaluation_context(self.api.clone()).await;
            }
            "Client" => self.of_client.add_custom_field(key, value),
            "Invocation" => self.ctx.add_custom_field(key, value),
            "Before Hooks" => self.before = Some((key.to_owned(), value.to_owned())),
            other => panic!("what is the level {other}?"),
        }
    }

    fn expect_value(&self, expected: &str) {
        assert_eq!(self.outcome.value, parsed(&self.wanted.kind, expected), "{:?}", self.outcome);
    }

    fn expect_fields(&self, names: &[String], values: &[String]) {
        for (name, value) in names.iter().zip(values) {
            let has = match &self.outcome.value[name] {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(has, *value, "{name}");
        }
    }

    fn expect_error(&self, code: &str) {
        let Outcome { reason, error_code, .. } = &self.outcome;
        assert_eq!((reason.as_str(), error_code.as_deref()), ("ERROR", Some(code)));
    }

    /// Takes one step.
    #[allow(clippy::too_many_lines, reason = "a table of steps")]
    pub(crate) async fn take(&mut self, step: &Step) {
        let arguments: Vec<&str> = step.arguments.iter().map(String::as_str).collect();
        let all = step.arguments.clone();
        match (step.pattern.as_str(), &arguments[..]) {
            ("a stable provider" | "a stable provider with retrievable context is registered", []) => {
                self.start(State::Stable).await;
            }
            ("a not ready provider" | "a error provider" | "a fatal provider" | "a stale provider", []) => {
                let words = step.pattern.trim_start_matches("a ").trim_end_matches(" provider");
                self.start(State::of(words)).await;
            }
            ("the provider status should be {}", [status]) => {
                // The client has no accessor: the provider's own is looked at.
                let is_so = || match FlagsProvider::new().status() {
                    ProviderStatus::Ready => *status == "READY",
                    ProviderStatus::NotReady => *status == "NOT_READY",
                    ProviderStatus::Error => *status == "ERROR",
                    ProviderStatus::STALE => *status == "STALE",
                };
                let deadline = Instant::now() + SOON;
                while !is_so() {
                    assert!(Instant::now() < deadline, "{:?}, not {status}", FlagsProvider::new().status());
                    std::thread::sleep(Duration::from_millis(2));
                }
            }

            // evaluation_v2, hooks, metadata
            (wanted, [key, default]) if wanted.ends_with("-flag with key {} and a fallback value {}") => {
                let kind = wanted.trim_start_matches("a ").split('-').next().unwrap_or_default();
                self.want(kind, key, default);
            }
            ("a context containing a key {}, with type {} and with value {}", [key, kind, value]) => {
                match parsed(kind, value) {
                    Json::Bool(value) => self.ctx.add_custom_field(*key, value),
                    Json::Number(value) => self.ctx.add_custom_field(*key, value.as_i64().unwrap()),
                    _ => self.ctx.add_custom_field(*key, *value),
                }
            }
            ("a client with added hook", []) => {}
            (
                "the flag was evaluated with details"
                | "the flag was evaluated with details using the evaluation options"
                | "the flag was evaluated with details asynchronously",
                [],
            ) => self.evaluate().await,
            ("the reason should be {}", [reason]) => assert_eq!(self.outcome.reason, *reason),
            ("the error-code should be {}", [code]) => self.expect_error(code),
            ("the flag key should be {}", [key]) => assert_eq!(self.outcome.key, *key),
            ("the variant should be {}", [variant]) => assert_eq!(self.outcome.variant.as_deref(), Some(*variant)),
            ("the resolved metadata is empty", []) => assert!(self.outcome.metadata.values.is_empty()),
            ("the resolved metadata should contain", []) => {
                for row in &step.table[1..] {
                    let [name, kind, value] = &row[..] else { panic!("three cells: {row:?}") };
                    let has = match &self.outcome.metadata.values[name] {
                        FlagMetadataValue::Bool(value) => json!(value),
                        FlagMetadataValue::Int(value) => json!(value),
                        FlagMetadataValue::Float(value) => json!(value),
                        FlagMetadataValue::String(value) => json!(value),
                    };
                    assert_eq!(has, parsed(kind, value));
                }
                assert_eq!(self.outcome.metadata.values.len(), step.table.len() - 1);
            }
            ("evaluation options containing specific hooks", []) => {
                let hook = |name| Recorder { name, told: Arc::clone(&self.recorder.told), adds: None };
                self.options = EvaluationOptions::default().with_hook(hook("first")).with_hook(hook("second"));
            }
            ("the specified hooks should execute during evaluation", []) => {
                let told = self.recorder.told.lock().unwrap();
                assert!(["first", "second"].iter().all(|name| told.iter().any(|told| told.by == *name)));
            }
            ("the hook order should be maintained", []) => {
                let told = self.recorder.told.lock().unwrap();
                let order: Vec<_> = told.iter().map(|told| (told.by, told.stage)).collect();
                let stage = |stage, names: [&'static str; 3]| names.map(|name| (name, stage));
                let expected = [
                    stage("before", ["client", "first", "second"]),
                    stage("after", ["second", "first", "client"]),
                    stage("finally", ["second", "first", "client"]),
                ];
                assert_eq!(order, expected.concat());
            }
            ("an evaluation context with modifiable data", []) => {
                self.ctx = self.ctx.clone().with_targeting_key("ada").with_custom_field("plan", "pro");
                self.given = Some(self.ctx.clone());
            }
            ("the original evaluation context should remain unmodified", []) => {
                assert_eq!(self.given.as_ref(), Some(&self.ctx));
            }
            // Rust's: what the client gives is a value of the caller's, who alone can change it; and it is a future in any case.
            ("the evaluation details should be immutable" | "the evaluation should complete without blocking", []) => {
                assert!(self.outcome.error_code.is_none());
            }
            ("the {} hook should have been executed", [stage]) => {
                assert!(self.recorder.told.lock().unwrap().iter().any(|told| told.stage == *stage));
            }
            ("the {} hooks should be called with evaluation details", [stages]) => {
                for stage in stages.split(", ") {
                    self.expect_told(stage, &step.table);
                }
            }

            // contextMerging
            ("A context entry with key {} and value {} is added to the {} level", [key, value, level]) => {
                self.add(level, key, value).await;
            }
            ("A table with levels of increasing precedence", []) => {
                self.levels = step.table.iter().map(|row| row[0].clone()).collect();
            }
            (
                "Context entries for each level from API level down to the {} level, with key {} and value {}",
                [last, key, _],
            ) => {
                for level in self.levels.clone() {
                    self.add(&level, key, &level).await;
                    if level == *last {
                        break;
                    }
                }
            }
            ("Some flag was evaluated", []) => {
                self.want("Boolean", "boolean-flag", "false");
                self.evaluate().await;
            }
            ("The merged context contains an entry with key {} and value {}", [key, value]) => {
                let ctx = self.last_context.lock().unwrap().clone().expect("somebody asked");
                assert_eq!(ctx.attribute_value(key), Some(&AttributeValue::String((*value).to_owned())));
            }

            // evaluation, the older ones
            ("a flag with key {} is evaluated with default value {}", [key, default]) => {
                self.want("string", key, default);
                self.evaluate().await;
            }
            (wanted, [key, default]) if wanted.ends_with(" flag with key {} is evaluated with default value {}") => {
                self.want(word(wanted), key, default);
                self.evaluate().await;
            }
            (wanted, [key, default]) if wanted.ends_with(" is evaluated with details and default value {}") => {
                self.want(word(wanted), key, default);
                self.evaluate().await;
            }
            (
                "an object flag with key {} is evaluated with a null default value"
                | "an object flag with key {} is evaluated with details and a null default value",
                [key],
            ) => {
                self.want("object", key, "null");
                self.evaluate().await;
            }
            (
                "a non-existent string flag with key {} is evaluated with details and a fallback value {}",
                [key, default],
            ) => {
                self.want("string", key, default);
                self.evaluate().await;
            }
            (
                "a string flag with key {} is evaluated as an integer, with details and a fallback value {}",
                [key, default],
            ) => {
                self.want("integer", key, default);
                self.evaluate().await;
            }
            (
                "the resolved details value should be {}"
                | "the resolved boolean value should be {}"
                | "the resolved string value should be {}"
                | "the resolved integer value should be {}"
                | "the resolved float value should be {}"
                | "the resolved string response should be {}",
                [value],
            ) => self.expect_value(value),
            (told, [value, variant, reason])
                if told.ends_with(" value should be {}, the variant should be {}, and the reason should be {}") =>
            {
                self.expect_value(value);
                assert_eq!(self.outcome.variant.as_deref(), Some(*variant));
                assert_eq!(self.outcome.reason, *reason);
            }
            ("the variant should be {}, and the reason should be {}", [variant, reason]) => {
                assert_eq!(self.outcome.variant.as_deref(), Some(*variant));
                assert_eq!(self.outcome.reason, *reason);
            }
            (told, [..])
                if told
                    .ends_with("should be contain fields {}, {}, and {}, with values {}, {} and {}, respectively") =>
            {
                self.expect_fields(&all[..3], &all[3..]);
            }
            ("context contains keys {}, {}, {}, {} with values {}, {}, {}, {}", [..]) => {
                for (name, value) in all[..4].iter().zip(&all[4..]) {
                    match (value.parse::<i64>(), value.parse::<bool>()) {
                        (Ok(value), _) => self.ctx.add_custom_field(name, value),
                        (_, Ok(value)) => self.ctx.add_custom_field(name, value),
                        _ => self.ctx.add_custom_field(name, value.as_str()),
                    }
                }
            }
            ("the resolved flag value is {} when the context is empty", [value]) => {
                self.ctx = EvaluationContext::default();
                self.evaluate().await;
                self.expect_value(value);
            }
            ("the default string value should be returned" | "the default integer value should be returned", []) => {
                assert_eq!(self.outcome.value, self.wanted.default);
            }
            (
                "the reason should indicate an error and the error code should indicate a missing flag with {}"
                | "the reason should indicate an error and the error code should indicate a type mismatch with {}",
                [code],
            ) => self.expect_error(code),
            _ => panic!("no step for `{}`, read as `{}`", step.text, step.pattern),
        }
    }

    /// What a stage of the hook was told. A code is told to `error` alone: details have none in this SDK.
    fn expect_told(&self, stage: &str, table: &[Vec<String>]) {
        let told = self.recorder.told.lock().unwrap();
        let of_stage = told.iter().find(|told| told.stage == stage).expect("it was executed");
        let details = of_stage.details.as_ref().expect("it is told details");
        let error_code = told.iter().find_map(|told| told.error_code.clone());
        for row in &table[1..] {
            let [kind, name, value] = &row[..] else { panic!("three cells: {row:?}") };
            let has = match name.as_str() {
                "flag_key" => Some(json!(details.flag_key)),
                "value" => Some(plain(&details.value)),
                "variant" => details.variant.as_ref().map(|variant| json!(variant)),
                "reason" => details.reason.as_ref().map(|reason| json!(reason.to_string())),
                "error_code" => error_code.as_ref().map(|code| json!(code)),
                other => panic!("what are the details' {other}?"),
            };
            let expected = (value != "null").then(|| parsed(kind, value));
            assert_eq!(has, expected, "{stage}: {name}");
        }
    }
}

/// `boolean` of `a boolean flag with ..`.
fn word(pattern: &str) -> &str {
    pattern.split(' ').nth(1).unwrap_or_default()
}

/// A text of a scenario, in a type.
fn parsed(kind: &str, text: &str) -> Json {
    match kind.to_lowercase().as_str() {
        "boolean" => json!(text.parse::<bool>().unwrap()),
        "string" => json!(text),
        "integer" => json!(text.parse::<i64>().unwrap()),
        "float" => json!(text.parse::<f64>().unwrap()),
        "object" => serde_json::from_str(text).unwrap(),
        other => panic!("what is the type {other}?"),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Struct(value) => value.fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
    }
}

fn of(evaluated: EvaluationResult<EvaluationDetails<Value>>) -> Outcome {
    match evaluated {
        Ok(EvaluationDetails { flag_key, value, reason, variant, flag_metadata }) => Outcome {
            key: flag_key,
            value: plain(&value),
            variant,
            reason: reason.map(|reason| reason.to_string()).unwrap_or_default(),
            error_code: None,
            metadata: flag_metadata,
        },
        Err(EvaluationError { code, .. }) => Outcome { error_code: Some(code.to_string()), ..Outcome::default() },
    }
}

impl Recorder {
    fn tell(
        &self,
        stage: &'static str,
        ctx: &HookContext<'_>,
        details: Option<&EvaluationDetails<Value>>,
        error: Option<&EvaluationError>,
    ) {
        self.told.lock().unwrap().push(Told {
            by: self.name,
            stage,
            key: ctx.flag_key.to_owned(),
            details: details.cloned(),
            error_code: error.map(|error| error.code.to_string()),
        });
    }
}

#[async_trait]
impl Hook for Recorder {
    async fn before<'a>(
        &self,
        ctx: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        self.tell("before", ctx, None, None);
        Ok(self.adds.as_ref().map(|(key, value)| EvaluationContext::default().with_custom_field(key, value.as_str())))
    }

    async fn after<'a>(
        &self,
        ctx: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        self.tell("after", ctx, Some(details), None);
        Ok(())
    }

    async fn error<'a>(&self, ctx: &HookContext<'a>, error: &EvaluationError, _: Option<&'a HookHints>) {
        self.tell("error", ctx, None, Some(error));
    }

    async fn finally<'a>(&self, ctx: &HookContext<'a>, details: &EvaluationDetails<Value>, _: Option<&'a HookHints>) {
        self.tell("finally", ctx, Some(details), None);
    }
}
