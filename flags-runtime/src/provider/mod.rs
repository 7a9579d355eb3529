//! Providers: who decides flags by themselves, in the place of documents.
//!
//! A provider is given to [`builder().provider(..)`](crate::Builder::provider) and decides the flags that name it
//! (`provider = launchdarkly`), or to [`builder().provider_for_all(..)`](crate::Builder::provider_for_all) and decides all that name
//! none. The order is: forced in a test > override file > provider > document > declared default. A provider that does not know a
//! flag ([`ErrorCode::FlagNotFound`]) leaves it to the document.
//!
//! Reading never waits for a provider. What it has at hand ([`Provider::resolve_now`]) is asked in the reader's own thread;
//! anything else is asked in the background, and kept for the next read of the same context: [`prepare`](crate::prepare()) fetches
//! it before a request is served. A provider that fails, panics or hangs gives declared defaults, with reason `ERROR`, or what was
//! kept of it, with reason `STALE`; a flag with which that happens again and again is not asked for a while ([`status().providers`](crate::Status::providers) tells).

mod answer;
mod asked;
mod attached;
mod background;
mod breaker;
mod kept;
#[cfg(feature = "launchdarkly")]
pub mod launchdarkly;
#[cfg(feature = "openfeature")]
pub mod openfeature;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub(crate) use self::answer::Answer;
pub(crate) use self::asked::{Asked, Provided};
pub(crate) use self::attached::Attached;
pub use self::attached::{ProviderState, ProviderStatus};
use crate::context::{AttributeValue, EvaluationContext};
use crate::details::{ErrorCode, FlagMetadata, Reason};

/// Decides flags by itself.
///
/// ```
/// use flags_runtime::provider::{Provider, Resolution, ResolutionError, ValueType};
/// use flags_runtime::{ErrorCode, EvaluationContext, Flag, Reason, feature_flag, flag};
///
/// #[feature_flag(name = "provider_example", default = false, expires = "2099-01-01", provider = night)]
/// static EXAMPLE: Flag<bool>;
///
/// /// Says yes to whoever works at night.
/// struct Night;
///
/// impl Night {
///     fn decide(key: &str, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
///         match key {
///             "provider_example" => Ok(Resolution::new(ctx.is_in_group("night shift")).reason(Reason::TargetingMatch)),
///             _ => Err(ResolutionError::new(ErrorCode::FlagNotFound, "nothing is known of it")),
///         }
///     }
/// }
///
/// impl Provider for Night {
///     fn name(&self) -> &str {
///         "night"
///     }
///
///     fn resolve(&self, key: &str, _: ValueType, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
///         Self::decide(key, ctx)
///     }
///
///     // From memory, so readers need not wait for it.
///     fn resolve_now(
///         &self,
///         key: &str,
///         _: ValueType,
///         ctx: &EvaluationContext,
///     ) -> Option<Result<Resolution, ResolutionError>> {
///         Some(Self::decide(key, ctx))
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let guard = flags_runtime::builder().provider(Night).start()?;
/// guard.wait_ready(std::time::Duration::from_secs(5))?;
/// assert!(flag!(EXAMPLE, &EvaluationContext::new("nurse-7").group("night shift")));
/// # Ok(())
/// # }
/// ```
pub trait Provider: Send + Sync + 'static {
    /// Its name: what `provider = ..` of a declaration says, and what people are told.
    fn name(&self) -> &str;

    /// Decides a flag, known by its key, for a context. Called in a thread of ours and may wait, but not for ever: until it
    /// answers its readers get what was kept, or declared defaults.
    ///
    /// # Errors
    ///
    /// Why there is no value. [`ErrorCode::FlagNotFound`] leaves the flag to its document; any other gives the declared default
    /// with reason `ERROR`.
    fn resolve(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext)
    -> Result<Resolution, ResolutionError>;

    /// The same at once, from memory; none if it would have to wait. Called in the reader's thread, so it must be quick.
    fn resolve_now(
        &self,
        _key: &str,
        _value_type: ValueType,
        _ctx: &EvaluationContext,
    ) -> Option<Result<Resolution, ResolutionError>> {
        None
    }

    /// What everybody is answered, whoever asks, until a change is told; none if that depends on the context, or cannot be known.
    /// The flag is settled then: a read costs a nanosecond. Called in a thread of ours, after each change.
    fn settled(&self, _key: &str, _value_type: ValueType) -> Option<Result<Resolution, ResolutionError>> {
        None
    }

    /// Whether it is to be asked (by [`resolve_now`](Self::resolve_now)) for one read a minute of a flag that is settled, so that it
    /// knows that the flag is in use.
    fn counts_settled_reads(&self) -> bool {
        false
    }

    /// Begins: connects, and tells what happens from then on. Called once, in a thread of ours. It is asked for nothing before it
    /// has told that it is [`ready`](ProviderEvents::ready).
    ///
    /// # Errors
    ///
    /// Why it can never answer, as it is configured: its flags answer their declared defaults, and it is not asked.
    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        events.ready();
        Ok(())
    }

    /// Ends: sends what is still to be sent, and disconnects. Called in the thread of [`start`](Self::start) when the guard is
    /// dropped, which waits for it, but a second at most. What it decided stays in force, as far as `resolve_now` still answers.
    fn stop(&self) {}
}

/// What a flag's value has to be. An enum's is the text of its variant, and of a `Json<T>` any JSON that `T` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "said above")]
pub enum ValueType {
    Boolean,
    Integer,
    Float,
    String,
    Object,
}

/// A value as a provider gives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// of a boolean
    Bool(bool),
    /// of a whole number
    Integer(i64),
    /// of any number; one that is whole fits an integer flag too
    Float(f64),
    /// of a text
    String(String),
    /// of anything: a JSON text
    Json(String),
}

/// What a provider decided.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Resolution {
    value: Option<Value>,
    variant: Option<String>,
    reason: Reason,
    metadata: FlagMetadata,
    is_without_key: bool,
}

/// Why a provider has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolutionError {
    code: ErrorCode,
    message: String,
}

/// Why a provider cannot begin.
///
/// `Debug` is the sentence too: it is what `main` prints when it returns this.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderError {
    message: String,
}

/// Takes what a provider tells of itself. Cheap to clone; what is told behind the end of a start is passed over.
#[derive(Clone)]
pub struct ProviderEvents {
    tell: Arc<dyn Fn(ProviderEvent) + Send + Sync>,
}

/// What a provider tells of itself; OpenFeature's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderEvent {
    Ready,
    Stale(String),
    Error(String),
    Fatal(String),
    /// Something of a flag that is not about all of them.
    Failing(String),
    /// Keys; none for anything.
    Changed(Option<Vec<String>>),
    /// There is something to be asked in the background, and nobody who would.
    ThreadNeeded,
}

impl ValueType {
    /// The one of a flag's type, in the words of records.
    pub(crate) fn of(type_name: &str) -> Self {
        match type_name {
            "bool" => Self::Boolean,
            "f32" | "f64" => Self::Float,
            "string" | "enum" => Self::String,
            "json" => Self::Object,
            _ => Self::Integer,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl Resolution {
    /// A value, with reason `UNKNOWN` until [`reason`](Self::reason) says more.
    pub fn new(value: impl Into<Value>) -> Self {
        Self { value: Some(value.into()), ..Self::declared_default() }
    }

    /// The flag's declared default: the provider knows the flag, and leaves the value to the code.
    pub fn declared_default() -> Self {
        Self {
            value: None,
            variant: None,
            reason: Reason::Unknown,
            metadata: FlagMetadata::default(),
            is_without_key: false,
        }
    }

    /// Why it is this value.
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// What the provider calls the value.
    pub fn variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = Some(variant.into());
        self
    }

    /// Whoever asks has no targeting key, and one might have mattered: [`ErrorCode::TargetingKeyMissing`] stands beside the value,
    /// and `status()` counts it.
    pub fn without_targeting_key(mut self) -> Self {
        self.is_without_key = true;
        self
    }

    /// Something more about the flag, for [`EvaluationDetails::flag_metadata`](crate::EvaluationDetails::flag_metadata); the last
    /// value of a name counts.
    pub fn metadata(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<AttributeValue>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

impl ResolutionError {
    /// An error, with a sentence for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What went wrong.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for ResolutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ResolutionError {}

impl ProviderError {
    /// An error that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ProviderError {}

impl ProviderEvents {
    pub(crate) fn new(tell: impl Fn(ProviderEvent) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell) }
    }

    /// It answers reliably, from now on or again.
    pub fn ready(&self) {
        (self.tell)(ProviderEvent::Ready);
    }

    /// It answers, but what it knows may be out of date.
    pub fn stale(&self, why: impl Into<String>) {
        (self.tell)(ProviderEvent::Stale(why.into()));
    }

    /// It cannot answer reliably now, and goes on trying.
    pub fn error(&self, why: impl Into<String>) {
        (self.tell)(ProviderEvent::Error(why.into()));
    }

    /// It will never answer: the credentials are refused, say.
    pub fn fatal(&self, why: impl Into<String>) {
        (self.tell)(ProviderEvent::Fatal(why.into()));
    }

    /// Its answers for these keys may be others than before.
    pub fn changed(&self, keys: impl IntoIterator<Item = impl Into<String>>) {
        (self.tell)(ProviderEvent::Changed(Some(keys.into_iter().map(Into::into).collect())));
    }

    /// Any of its answers may be another than before.
    pub fn everything_changed(&self) {
        (self.tell)(ProviderEvent::Changed(None));
    }
}

impl fmt::Debug for ProviderEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderEvents").finish_non_exhaustive()
    }
}
