//! Public flags of one user: what a page or an app is told of the flags that are declared `public`.

use serde::ser::{Serialize, SerializeMap as _, SerializeStruct as _, Serializer};
use serde_json::value::RawValue;

use crate::context::{self, EvaluationContext};
use crate::details::EvaluationDetails;
use crate::registry::registry;

/// The flags of whoever asks. With the feature `axum` it is an extractor: of the context that [`FlagsLayer`](super::FlagsLayer) has
/// set.
///
/// ```
/// use flags_runtime::{EvaluationContext, Flag, feature_flag};
/// use flags_runtime::web::Flags;
///
/// #[feature_flag(name = "public_example", default = true, expires = "2099-01-01", public)]
/// static PUBLIC: Flag<bool>;
/// #[feature_flag(name = "private_example", default = true, expires = "2099-01-01")]
/// static PRIVATE: Flag<bool>;
///
/// # fn main() {
/// let flags = Flags::of(EvaluationContext::new("user-42"));
/// let json = serde_json::to_string(&flags.snapshot()).unwrap();
/// assert_eq!(json, r#"{"public_example":{"value":true,"variant":"on","reason":"DEFAULT"}}"#);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Flags {
    ctx: EvaluationContext,
}

/// The answers of all public flags; serializes to an object of names, each with its `value`, `variant` (if it has one) and
/// `reason`. A flag whose value cannot be written has `value` null and an `error`.
#[derive(Clone, Debug)]
pub struct FlagsSnapshot {
    answers: Vec<(&'static str, Answer)>,
}

type Answer = Result<EvaluationDetails<String>, String>;

impl Flags {
    /// Those of whoever this context names.
    pub fn of(ctx: EvaluationContext) -> Self {
        Self { ctx }
    }

    /// Those of whoever the ambient context names.
    pub fn current() -> Self {
        Self::of(context::current().unwrap_or_default())
    }

    /// Who asks.
    pub fn context(&self) -> &EvaluationContext {
        &self.ctx
    }

    /// Evaluates all flags that are declared `public`, sorted by name. No other flag leaves the process.
    pub fn snapshot(&self) -> FlagsSnapshot {
        let answer = |flag: &crate::registry::RegisteredFlag| {
            let declaration = flag.declaration();
            Some((declaration.name(), declaration.public_answer(Some(&self.ctx))?))
        };
        FlagsSnapshot { answers: registry().flags().iter().filter_map(answer).collect() }
    }
}

impl FlagsSnapshot {
    /// The name of each flag with its answer: the value as JSON text, or why it cannot be written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Result<&EvaluationDetails<String>, &str>)> {
        self.answers.iter().map(|(name, answer)| (*name, answer.as_ref().map_err(String::as_str)))
    }
}

impl Serialize for FlagsSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.answers.len()))?;
        for (name, answer) in &self.answers {
            map.serialize_entry(name, &Shown(answer))?;
        }
        map.end()
    }
}

struct Shown<'a>(&'a Answer);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Ok(details) => {
                let mut shown = serializer.serialize_struct("Flag", 2 + usize::from(details.variant.is_some()))?;
                shown.serialize_field("value", &raw(&details.value))?;
                if let Some(variant) = &details.variant {
                    shown.serialize_field("variant", variant)?;
                }
                shown.serialize_field("reason", details.reason.as_str())?;
                shown.end()
            }
            Err(error) => {
                let mut shown = serializer.serialize_struct("Flag", 3)?;
                shown.serialize_field("value", &())?;
                shown.serialize_field("reason", "ERROR")?;
                shown.serialize_field("error", error)?;
                shown.end()
            }
        }
    }
}

/// JSON text as it is; one that is none after all, which takes a `Serialize` of its own kind, is null.
pub(super) fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}
