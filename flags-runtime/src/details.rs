//! Evaluation details: what was answered, and why. Names and spellings are OpenFeature's.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use crate::context::EvaluationContext;

/// The answer of one evaluation with its reason, as `flag!(X, details)` gives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvaluationDetails<V> {
    /// The flag's key: its name, or `key = ".."` where one was declared.
    pub key: &'static str,
    /// The value that the caller gets.
    pub value: V,
    /// The name of the value: `on`/`off` for a bool, the variant's name for an enum, else none.
    pub variant: Option<Cow<'static, str>>,
    /// Why it is this value.
    pub reason: Reason,
    /// What went wrong on the way, although there is an answer.
    pub error_code: Option<ErrorCode>,
    /// For [`track`](Self::track).
    pub(crate) evaluated_for: EvaluatedFor,
}

/// For whom a flag was evaluated: no part of what the details say, so neither compared nor shown.
#[derive(Clone)]
pub(crate) struct EvaluatedFor(pub(crate) EvaluationContext);

impl PartialEq for EvaluatedFor {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for EvaluatedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// A flag's value whatever its type, for code that is told of every flag.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AnyValue<'a> {
    /// of a bool
    Bool(bool),
    /// of any integer
    Integer(i128),
    /// of an `f32` or `f64`
    Float(f64),
    /// the name of an enum's variant
    Variant(&'static str),
    /// of a `String`
    String(&'a str),
    /// of a `Json<T>`
    #[non_exhaustive]
    Json {
        /// a `T`
        value: &'a dyn Any,
        /// whether it is the declared default
        is_default: bool,
    },
}

/// Why a flag has the value that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No document: the declared default.
    Default,
    /// The document says `"enabled": false`.
    Disabled,
    /// The user or one of its groups is in a list of the document.
    TargetingMatch,
    /// The document answers the same for everybody.
    Static,
    /// The percentage decided.
    Split,
    /// The override file or a forced value stands above the source.
    Override,
    /// The document was refused and there was no good one before, or a hook failed.
    Error,
}

/// What went wrong although there is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A percentage or a user list was decided for an empty targeting key.
    TargetingKeyMissing,
    /// The document is not valid.
    ParseError,
    /// The document's value does not fit the declared type.
    TypeMismatch,
    /// The source has been away for longer than the flag's `on_outage` allows: the declared default.
    ProviderNotReady,
    /// A hook failed before the flag was evaluated: the declared default.
    General,
}

impl<V> EvaluationDetails<V> {
    /// The same with another form of the value.
    pub(crate) fn with_value<W>(&self, value: W) -> EvaluationDetails<W> {
        let Self { key, value: _, variant, reason, error_code, evaluated_for } = self;
        EvaluationDetails {
            key,
            value,
            variant: variant.clone(),
            reason: *reason,
            error_code: *error_code,
            evaluated_for: evaluated_for.clone(),
        }
    }
}

impl Reason {
    /// The spelling of the OpenFeature specification, for example `TARGETING_MATCH`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Disabled => "DISABLED",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Static => "STATIC",
            Self::Split => "SPLIT",
            Self::Override => "OVERRIDE",
            Self::Error => "ERROR",
        }
    }
}

impl ErrorCode {
    /// The spelling of the OpenFeature specification, for example `TARGETING_KEY_MISSING`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::ParseError => "PARSE_ERROR",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::ProviderNotReady => "PROVIDER_NOT_READY",
            Self::General => "GENERAL",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
