//! Evaluation details: what was answered, and why. Names and spellings are OpenFeature's.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::context::{AttributeValue, EvaluationContext};

/// The answer of one evaluation with its reason, as `flag!(X, details)` gives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvaluationDetails<V> {
    /// The flag's key: its name, or `key = ".."` where one was declared.
    pub key: &'static str,
    /// The value that the caller gets.
    pub value: V,
    /// The name of the value: what a provider calls it, else `on`/`off` for a bool, the variant's name for an enum, else none.
    pub variant: Option<Cow<'static, str>>,
    /// Why it is this value.
    pub reason: Reason,
    /// What went wrong on the way, although there is an answer.
    pub error_code: Option<ErrorCode>,
    /// The same in words, where there are more than the code says.
    pub error_message: Option<Cow<'static, str>>,
    /// What a provider says more of the flag; empty without one.
    pub flag_metadata: FlagMetadata,
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

/// What a provider says of a flag beside its value, by name. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlagMetadata {
    /// Sorted by name. None is empty: most answers have nothing here, and must not allocate for it.
    values: Option<Arc<Vec<Named>>>,
}

type Named = (Cow<'static, str>, AttributeValue);

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
    /// The document was refused and there was no good one before, a provider has failed, or a hook.
    Error,
    /// A provider said so before, and was not asked again.
    Cached,
    /// The same, and it may be out of date.
    Stale,
    /// A provider gave no reason.
    Unknown,
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
    /// The source has been away for longer than the flag's `on_outage` allows, or a provider has not answered yet: the declared
    /// default.
    ProviderNotReady,
    /// A provider will never answer as it is configured.
    ProviderFatal,
    /// A provider does not know the flag, and there is no document.
    FlagNotFound,
    /// A provider cannot read the context.
    InvalidContext,
    /// A provider has failed, or a hook before the flag was evaluated: the declared default.
    General,
}

impl<V> EvaluationDetails<V> {
    /// The same with another form of the value.
    pub(crate) fn with_value<W>(&self, value: W) -> EvaluationDetails<W> {
        let Self { key, value: _, variant, reason, error_code, error_message, flag_metadata, evaluated_for } = self;
        EvaluationDetails {
            key,
            value,
            variant: variant.clone(),
            reason: *reason,
            error_code: *error_code,
            error_message: error_message.clone(),
            flag_metadata: flag_metadata.clone(),
            evaluated_for: evaluated_for.clone(),
        }
    }
}

impl FlagMetadata {
    /// What is said under a name.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        let values = self.values.as_ref()?;
        let at = values.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok()?;
        Some(&values[at].1)
    }

    /// All that is said, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.values.iter().flat_map(|values| values.iter().map(|(name, value)| (name.as_ref(), value)))
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.values.is_none()
    }

    pub(crate) fn insert(&mut self, name: Cow<'static, str>, value: AttributeValue) {
        let values = Arc::make_mut(self.values.get_or_insert_default());
        match values.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => values[at].1 = value,
            Err(at) => values.insert(at, (name, value)),
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
            Self::Cached => "CACHED",
            Self::Stale => "STALE",
            Self::Unknown => "UNKNOWN",
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
            Self::ProviderFatal => "PROVIDER_FATAL",
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::InvalidContext => "INVALID_CONTEXT",
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
