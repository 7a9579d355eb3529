//! The answer: what a provider decided, in the flag's own type.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Resolution, ResolutionError, Value};
use crate::details::{ErrorCode, FlagMetadata, Reason};
use crate::value::{CompiledValue, Decode};

/// What a provider said of a flag.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// None is the declared default.
    pub(crate) value: Option<CompiledValue>,
    pub(crate) variant: Option<String>,
    pub(crate) reason: Reason,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) error_message: Option<String>,
    pub(crate) metadata: FlagMetadata,
}

impl Answer {
    /// In the type of a flag. Runs users' code, whose panic concerns this flag only.
    pub(super) fn compile(resolution: Resolution, decode: Decode) -> Self {
        let Resolution { value, variant, reason, metadata, is_without_key } = resolution;
        let error_code = is_without_key.then_some(ErrorCode::TargetingKeyMissing);
        let compiled = match &value {
            None => Ok(None),
            Some(value) => value.decoded(decode).map(Some),
        };
        match compiled {
            Ok(value) => Self { value, variant, reason, error_code, error_message: None, metadata },
            Err(message) => Self { metadata, ..Self::error(ErrorCode::TypeMismatch, message) },
        }
    }

    /// The declared default, with what went wrong.
    pub(super) fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            value: None,
            variant: None,
            reason: Reason::Error,
            error_code: Some(code),
            error_message: Some(message.into()),
            metadata: FlagMetadata::default(),
        }
    }

    /// Whether the provider does not know the flag, so that its document decides.
    pub(crate) fn is_not_found(&self) -> bool {
        self.error_code == Some(ErrorCode::FlagNotFound)
    }

    /// Whether the provider has failed, so that an earlier answer is better than this one.
    pub(super) fn is_failure(&self) -> bool {
        let code = self.error_code.filter(|_| self.reason == Reason::Error);
        matches!(code, Some(ErrorCode::General | ErrorCode::ProviderNotReady | ErrorCode::ProviderFatal))
    }

    /// What went wrong, if there is no value although the provider knows the flag.
    pub(crate) fn failure(&self) -> Option<&str> {
        let is_failure = self.reason == Reason::Error && !self.is_not_found();
        self.error_message.as_deref().filter(|_| is_failure)
    }

    /// Whether the flag is off for everybody on purpose.
    pub(crate) fn is_kill(&self) -> bool {
        self.reason == Reason::Disabled
    }

    /// The same, from what was kept of it.
    pub(super) fn because(&self, reason: Reason) -> Self {
        Self { reason, ..self.clone() }
    }
}

impl From<ResolutionError> for Answer {
    fn from(ResolutionError { code, message }: ResolutionError) -> Self {
        Self::error(code, message)
    }
}

impl Value {
    fn decoded(&self, decode: Decode) -> Result<CompiledValue, String> {
        if let Self::Float(value) = self
            && !value.is_finite()
        {
            return Err(format!("the value {value} is no number that a flag can have"));
        }
        let text = match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => serde_json::Value::from(*value).to_string(),
            Self::String(value) => serde_json::Value::from(value.as_str()).to_string(),
            Self::Json(text) => text.clone(),
        };
        let decoded = catch_unwind(AssertUnwindSafe(|| decode(&text)));
        match decoded {
            Ok(Ok(Some(value))) => Ok(value),
            // Only a switch passes over what it does not read.
            Ok(Ok(None)) => Err(format!("the value {} is neither true nor false", shortened(&text))),
            Ok(Err(why)) => Err(format!("the value {} {why}", shortened(&text))),
            Err(_) => Err(format!("reading the value {} as the flag's type panicked", shortened(&text))),
        }
    }
}

/// As much of a value as a sentence bears.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}..`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::FlagValue;

    fn compiled<T: FlagValue>(value: impl Into<Value>) -> Answer {
        Answer::compile(Resolution::new(value).reason(Reason::Static), T::decode)
    }

    fn bits<T: FlagValue>(value: impl Into<Value>) -> Option<u64> {
        match compiled::<T>(value).value {
            Some(CompiledValue::Bits(bits)) => Some(bits),
            _ => None,
        }
    }

    #[test]
    fn a_value_fits_its_own_type_and_those_that_read_it_without_loss() {
        assert_eq!(bits::<bool>(true), Some(1));
        assert_eq!(bits::<u8>(7), bits::<u8>(7.0));
        assert!(bits::<u8>(7).is_some());
        assert_eq!(bits::<f64>(7), bits::<f64>(7.0));
        assert!(matches!(compiled::<String>("a \"b\"").value, Some(CompiledValue::Text(text)) if &*text == "a \"b\""));
        let json = Value::Json("[1, 2]".to_owned());
        assert!(matches!(compiled::<crate::Json<Vec<u8>>>(json).value, Some(CompiledValue::Json(_))));
    }

    #[test]
    fn a_value_of_another_type_is_an_error_that_names_it() {
        for (answer, said) in [
            (compiled::<bool>("true"), "the value `\"true\"` is neither true nor false"),
            (compiled::<bool>(1), "the value `1` is neither true nor false"),
            (compiled::<u8>(256), "the value `256` is not a whole number from 0 to 255"),
            (compiled::<u8>(1.5), "the value `1.5` is not a whole number from 0 to 255"),
            (compiled::<f64>(f64::NAN), "the value NaN is no number that a flag can have"),
            (compiled::<String>(1), "the value `1` is not a string"),
        ] {
            assert_eq!(answer.error_code, Some(ErrorCode::TypeMismatch), "{said}");
            assert_eq!((answer.error_message.as_deref(), answer.reason), (Some(said), Reason::Error));
            assert!(answer.value.is_none() && answer.variant.is_none());
        }
        let long = compiled::<u8>("x".repeat(1000)).error_message.unwrap();
        assert!(long.len() < 150, "{long}");
    }
}
