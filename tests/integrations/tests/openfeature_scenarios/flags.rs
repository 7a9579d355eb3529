//! The flags of the specification's `test-flags.json`: declared here, and decided by what that file says of them.

use std::sync::{Arc, Mutex};

use flags_runtime::provider::{Provider, ProviderError, ProviderEvents, Resolution, ResolutionError, Value, ValueType};
use flags_runtime::{AttributeValue, ErrorCode, EvaluationContext, Flag, Json, Reason, feature_flag};
use serde_json::{Map, Value as JsonValue};

/// A declared default is what a caller's default is elsewhere, where a flag is disabled: those of the scenarios.
macro_rules! declared {
    ($($name:literal $id:ident: $type:ty, $how:ident = $default:tt;)*) => {$(
        #[feature_flag(name = $name, $how = $default, expires = "2099-01-01", public)]
        static $id: Flag<$type>;
    )*
        /// Every flag of the file.
        pub(crate) const DECLARED: &[&str] = &[$($name),*];

        /// Uses them all, so that none is dead code.
        pub(crate) fn mention() -> usize {
            [$($id.declaration().name().len()),*].into_iter().sum()
        }
    };
}

fn an_object() -> JsonValue {
    serde_json::json!({ "a": 1 })
}

declared! {
    "boolean-flag" BOOLEAN: bool, default = false;
    "boolean-disabled-flag" BOOLEAN_DISABLED: bool, default = false;
    "boolean-targeted-zero-flag" BOOLEAN_TARGETED: bool, default = true;
    "boolean-zero-flag" BOOLEAN_ZERO: bool, default = true;
    "complex-targeted" COMPLEX: String, default = "default";
    "context-aware" CONTEXT_AWARE: String, default = "default";
    "float-flag" FLOAT: f64, default = 0.1;
    "float-disabled-flag" FLOAT_DISABLED: f64, default = 0.1;
    "float-targeted-zero-flag" FLOAT_TARGETED: f64, default = 0.1;
    "float-zero-flag" FLOAT_ZERO: f64, default = 0.1;
    "integer-flag" INTEGER: i64, default = 1;
    "integer-disabled-flag" INTEGER_DISABLED: i64, default = 1;
    "integer-targeted-zero-flag" INTEGER_TARGETED: i64, default = 1;
    "integer-zero-flag" INTEGER_ZERO: i64, default = 1;
    "metadata-flag" METADATA: bool, default = false;
    "null-default-flag" NULL_DEFAULT: bool, default = false;
    "object-flag" OBJECT: Json<JsonValue>, default_fn = an_object;
    "object-disabled-flag" OBJECT_DISABLED: Json<JsonValue>, default_fn = an_object;
    "object-targeted-zero-flag" OBJECT_TARGETED: Json<JsonValue>, default_fn = an_object;
    "object-zero-flag" OBJECT_ZERO: Json<JsonValue>, default_fn = an_object;
    "string-flag" STRING: String, default = "bye";
    "string-disabled-flag" STRING_DISABLED: String, default = "bye";
    "string-targeted-zero-flag" STRING_TARGETED: String, default = "bye";
    "string-zero-flag" STRING_ZERO: String, default = "hi";
    "undefined-default-flag" UNDEFINED_DEFAULT: i64, default = 1;
    "wrong-flag" WRONG: String, default = "bye";
}

/// The flag of the older scenarios that is not in the file any more.
const CONTEXT_AWARE_FLAG: &str = r#"{
    "variants": {"internal": "INTERNAL", "external": "EXTERNAL"}, "defaultVariant": "external",
    "contextEvaluator": "fn == 'Sulisław' && ln == 'Świętopełk' && age == 29 && !customer ? 'internal' : ''"
}"#;

/// How a provider is, in the words of the scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Stable,
    NotReady,
    Error,
    Fatal,
    Stale,
}

impl State {
    pub(crate) fn of(words: &str) -> Self {
        match words {
            "stable" => Self::Stable,
            "not ready" => Self::NotReady,
            "error" => Self::Error,
            "fatal" => Self::Fatal,
            "stale" => Self::Stale,
            other => panic!("what is a {other} provider?"),
        }
    }
}

/// Decides as the file says.
pub(crate) struct OfFile {
    flags: Map<String, JsonValue>,
    state: State,
    /// Whether it has its answers at hand, or they are kept from before.
    is_quick: bool,
    last_context: Arc<Mutex<Option<EvaluationContext>>>,
}

/// The flags of the file, with ours.
pub(crate) fn flags_of(text: &str) -> Map<String, JsonValue> {
    let mut flags: Map<String, JsonValue> = serde_json::from_str(text).unwrap();
    for key in flags.keys() {
        assert!(DECLARED.contains(&key.as_str()), "`{key}` is new in test-flags.json: declare it");
    }
    flags.insert("context-aware".to_owned(), serde_json::from_str(CONTEXT_AWARE_FLAG).unwrap());
    flags
}

impl OfFile {
    pub(crate) fn new(
        flags: Map<String, JsonValue>,
        state: State,
        is_quick: bool,
        last_context: Arc<Mutex<Option<EvaluationContext>>>,
    ) -> Self {
        Self { flags, state, is_quick, last_context }
    }

    fn decide(&self, key: &str, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
        *self.last_context.lock().unwrap() = Some(ctx.clone());
        match self.state {
            State::NotReady => return Err(ResolutionError::new(ErrorCode::ProviderNotReady, "not yet")),
            State::Fatal => return Err(ResolutionError::new(ErrorCode::ProviderFatal, "never")),
            State::Stable | State::Error | State::Stale => {}
        }
        let not_found = || ResolutionError::new(ErrorCode::FlagNotFound, "not in the file");
        let flag = self.flags.get(key).ok_or_else(not_found)?;
        if flag["disabled"] == true {
            return Ok(Resolution::declared_default().reason(Reason::Disabled));
        }
        let targeted = flag["contextEvaluator"].as_str().map(|expression| evaluate(expression, ctx));
        let (variant, reason) = match &targeted {
            Some(variant) if !variant.is_empty() => (Some(variant.as_str()), Reason::TargetingMatch),
            Some(_) => (flag["defaultVariant"].as_str(), Reason::Default),
            None => (flag["defaultVariant"].as_str(), Reason::Static),
        };
        let Some(variant) = variant else { return Ok(Resolution::declared_default().reason(Reason::Default)) };
        let value = match &flag["variants"][variant] {
            JsonValue::Bool(value) => Value::Bool(*value),
            JsonValue::Number(value) => {
                value.as_i64().map_or_else(|| Value::Float(value.as_f64().unwrap()), Value::Integer)
            }
            JsonValue::String(value) => Value::String(value.clone()),
            other => Value::Json(other.to_string()),
        };
        let mut resolution = Resolution::new(value).variant(variant).reason(reason);
        for (name, value) in flag["flagMetadata"].as_object().into_iter().flatten() {
            resolution = match value {
                JsonValue::Bool(value) => resolution.metadata(name.clone(), *value),
                JsonValue::String(value) => resolution.metadata(name.clone(), value.as_str()),
                JsonValue::Number(number) => match number.as_i64() {
                    Some(value) => resolution.metadata(name.clone(), value),
                    None => resolution.metadata(name.clone(), number.as_f64().unwrap()),
                },
                other => panic!("metadata {name} is {other}"),
            };
        }
        Ok(resolution)
    }
}

impl Provider for OfFile {
    fn name(&self) -> &'static str {
        "test-flags"
    }

    fn resolve(&self, key: &str, _: ValueType, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
        self.decide(key, ctx)
    }

    fn resolve_now(
        &self,
        key: &str,
        _: ValueType,
        ctx: &EvaluationContext,
    ) -> Option<Result<Resolution, ResolutionError>> {
        self.is_quick.then(|| self.decide(key, ctx))
    }

    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        match self.state {
            State::NotReady => {}
            State::Stable => events.ready(),
            State::Stale => {
                events.ready();
                events.stale("on purpose");
            }
            State::Error => events.error("on purpose"),
            State::Fatal => return Err(ProviderError::new("on purpose")),
        }
        Ok(())
    }
}

/// Evaluates `condition && condition ? 'variant' : 'variant'`, where a condition is `!name`, `name == value` or `name > number`.
fn evaluate(expression: &str, ctx: &EvaluationContext) -> String {
    let (conditions, variants) = expression.split_once(" ? ").expect("a choice");
    let (then, otherwise) = variants.split_once(" : ").expect("two sides");
    let holds = |condition: &str| {
        if let Some(name) = condition.strip_prefix('!') {
            return match ctx.attribute_value(name) {
                None => true,
                Some(AttributeValue::Bool(value)) => !value,
                Some(other) => panic!("{name} is {other:?}"),
            };
        }
        let words: Vec<_> = condition.splitn(3, ' ').collect();
        let [name, operator, value] = words[..] else { panic!("what is `{condition}`?") };
        match (operator, ctx.attribute_value(name)) {
            (_, None) => false,
            ("==", Some(AttributeValue::String(own))) => value == format!("'{own}'"),
            ("==", Some(AttributeValue::Integer(own))) => value == own.to_string(),
            (">", Some(AttributeValue::Integer(own))) => *own > value.parse().unwrap(),
            (operator, Some(own)) => panic!("what is {own:?} {operator} {value}?"),
        }
    };
    let chosen = if conditions.split(" && ").all(holds) { then } else { otherwise };
    chosen.trim_matches('\'').to_owned()
}
