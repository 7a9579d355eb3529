//! Values: what a flag has, in the type that the SDK asks for.

use open_feature::{EvaluationError, EvaluationErrorCode, EvaluationResult, StructValue, Value};
use serde_json::Value as Json;

use super::error;
use crate::details::AnyValue;
use crate::provider::ValueType;
use crate::registry::Declaration;

/// The value of a flag: lent, or as the text of its JSON.
pub(super) enum Given<'a> {
    Any(AnyValue<'a>),
    Text(&'a str),
}

/// A type that the SDK asks for.
pub(super) trait Wanted: Sized {
    /// In the words of a sentence.
    const NAME: &'static str;
    /// Whether its values come as text.
    const IS_JSON: bool = false;

    fn fits(declared: ValueType) -> bool;

    /// The value in this type; an error says what is wrong with it.
    fn of(value: Given<'_>) -> Result<Self, String>;

    /// Whether a flag is of this type. Looked at before it is evaluated.
    fn expect(declaration: &Declaration) -> EvaluationResult<()> {
        let (key, declared) = (declaration.key(), declaration.type_name());
        if !Self::fits(ValueType::of(declared)) {
            return Err(mismatch(format!("flag `{key}` is of type {declared}, and was asked for as {}", Self::NAME)));
        }
        if declared == "json" && !declaration.is_public() {
            let message = format!(
                "flag `{key}` is a `Json<..>` that is not declared `public`: only those can be written as JSON"
            );
            return Err(error(EvaluationErrorCode::General("GENERAL".to_owned()), message));
        }
        Ok(())
    }

    fn take(declaration: &Declaration, value: Given<'_>) -> EvaluationResult<Self> {
        Self::of(value).map_err(|why| mismatch(format!("the value of flag `{}` is {why}", declaration.key())))
    }
}

fn mismatch(message: String) -> EvaluationError {
    error(EvaluationErrorCode::TypeMismatch, message)
}

/// What cannot be, since the declared type was looked at.
fn other<V: Wanted>() -> String {
    format!("not {}", V::NAME)
}

impl Wanted for bool {
    const NAME: &'static str = "a bool";

    fn fits(declared: ValueType) -> bool {
        declared == ValueType::Boolean
    }

    fn of(value: Given<'_>) -> Result<Self, String> {
        match value {
            Given::Any(AnyValue::Bool(value)) => Ok(value),
            _ => Err(other::<Self>()),
        }
    }
}

impl Wanted for i64 {
    const NAME: &'static str = "an int";

    fn fits(declared: ValueType) -> bool {
        declared == ValueType::Integer
    }

    fn of(value: Given<'_>) -> Result<Self, String> {
        match value {
            Given::Any(AnyValue::Integer(value)) => {
                Self::try_from(value).map_err(|_| format!("{value}, which is more than the SDK's 64 bits hold"))
            }
            _ => Err(other::<Self>()),
        }
    }
}

impl Wanted for f64 {
    const NAME: &'static str = "a float";

    fn fits(declared: ValueType) -> bool {
        matches!(declared, ValueType::Float | ValueType::Integer)
    }

    fn of(value: Given<'_>) -> Result<Self, String> {
        match value {
            Given::Any(AnyValue::Float(value)) => Ok(value),
            Given::Any(AnyValue::Integer(value)) => exact(value),
            _ => Err(other::<Self>()),
        }
    }
}

/// A whole number as a float, if that says the same.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "compared with what it came from")]
fn exact(value: i128) -> Result<f64, String> {
    let float = value as f64;
    if float as i128 == value { Ok(float) } else { Err(format!("{value}, which no float holds exactly")) }
}

impl Wanted for String {
    const NAME: &'static str = "a string";

    fn fits(declared: ValueType) -> bool {
        declared == ValueType::String
    }

    fn of(value: Given<'_>) -> Result<Self, String> {
        match value {
            Given::Any(AnyValue::String(text) | AnyValue::Variant(text)) => Ok(text.to_owned()),
            _ => Err(other::<Self>()),
        }
    }
}

impl Wanted for StructValue {
    const NAME: &'static str = "a struct";
    const IS_JSON: bool = true;

    fn fits(declared: ValueType) -> bool {
        declared == ValueType::Object
    }

    fn of(value: Given<'_>) -> Result<Self, String> {
        let Given::Text(text) = value else { return Err(other::<Self>()) };
        let json = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        match theirs(json)? {
            Some(Value::Struct(value)) => Ok(value),
            Some(other) => Err(format!("a JSON {}, where the SDK takes an object only", other.get_type())),
            None => Err("null, where the SDK takes an object only".to_owned()),
        }
    }
}

/// A JSON value in the SDK's words, which have none for null.
fn theirs(value: Json) -> Result<Option<Value>, String> {
    Ok(Some(match value {
        Json::Null => return Ok(None),
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Float(value),
            (None, None) => return Err(format!("a JSON object with {number}, which is no number that the SDK holds")),
        },
        Json::String(value) => Value::String(value),
        Json::Array(values) => {
            let values = values.into_iter().map(|value| {
                theirs(value)?.ok_or_else(|| "JSON with a null in a list, which the SDK has no value for".to_owned())
            });
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        Json::Object(fields) => {
            let mut object = StructValue::default();
            for (name, value) in fields {
                if let Some(value) = theirs(value)? {
                    object.add_field(name, value);
                }
            }
            Value::Struct(object)
        }
    }))
}
