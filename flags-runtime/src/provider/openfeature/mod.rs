//! OpenFeature providers: any provider of the crate `open-feature` decides flags of ours.
//!
//! ```
//! use flags_runtime::provider::openfeature::FromOpenFeature;
//! use flags_runtime::{Flag, feature_flag, flag};
//! use open_feature::provider::NoOpProvider; // in its place: flagd, a vendor's, your own
//!
//! #[feature_flag(name = "from_openfeature_example", default = true, expires = "2099-01-01", provider = flagd)]
//! static EXAMPLE: Flag<bool>;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _guard = flags_runtime::builder().provider(FromOpenFeature::new("flagd", NoOpProvider::default())).start()?;
//! assert!(flag!(EXAMPLE), "this provider knows nothing");
//! # Ok(())
//! # }
//! ```
//!
//! # When it is asked
//!
//! A reader polls the provider's future once. A provider that decides in memory is ready then, and that is the answer. The first one
//! that is not makes the provider one that takes its time: from then on it is asked in the background, and
//! [`prepare`](crate::prepare()) fetches its answers ahead. One that needs tokio (timers, sockets) gets its runtime by
//! [`on_runtime`](FromOpenFeature::on_runtime).
//!
//! # What it is asked
//!
//! The flag's key, in the flag's type. A number may come as the other kind: where a float flag is an int at the provider, or a whole
//! number a float, it is asked once more in that type. A `Json<T>` is asked for as a struct, so `T` has to read JSON objects.
//!
//! An empty targeting key is none. Attributes are custom fields, the kind is the field `kind`, and groups are the field `groups`, one
//! text with commas (`"beta,staff"`), since the fields of this SDK have no lists; none if there are no groups.
//!
//! # What it answers
//!
//! Value, variant and flag metadata as they are; a reason that we do not know is `UNKNOWN`, and stands in the metadata as `reason`.
//! `PROVIDER_FATAL` as the text of a `General` error is that code. The provider's own hooks run around it, by the SDK's client.
//! Until `initialize` has ended flags answer their declared defaults with `PROVIDER_NOT_READY`; one that never ends keeps its thread.
//! The SDK has no events: its `status()` is looked at once a second. It has no shutdown either: the provider is dropped with the start
//! that it belongs to.

mod hooked;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use open_feature::provider::{FeatureProvider, ProviderStatus, ResolutionDetails};
use open_feature::{
    EvaluationContext as OpenContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode,
    EvaluationReason, FlagMetadataValue, StructValue, Value as OpenValue,
};
use serde_json::Value as Json;
use tokio::runtime::Handle;

use self::hooked::Hooked;
use super::{Provider, ProviderError, ProviderEvents, Resolution, ResolutionError, Value, ValueType};
use crate::context::{AttributeValue, EvaluationContext};
use crate::details::{ErrorCode, Reason};

/// A provider of OpenFeature's Rust SDK as one of ours.
pub struct FromOpenFeature {
    name: String,
    runtime: Option<Handle>,
    /// Until it is initialised.
    given: Mutex<Option<Box<dyn Initialize>>>,
    initialised: OnceLock<Hooked>,
    /// Whether its future was not ready when a reader polled it.
    takes_time: AtomicBool,
    watch: Arc<Watch>,
}

type Resolved = Result<Resolution, ResolutionError>;

/// How often the provider's status is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl FromOpenFeature {
    /// The provider by the name that declarations call it (`provider = flagd`).
    pub fn new(name: impl Into<String>, provider: impl FeatureProvider) -> Self {
        Self {
            name: name.into(),
            runtime: None,
            given: Mutex::new(Some(Box::new(provider))),
            initialised: OnceLock::new(),
            takes_time: AtomicBool::new(false),
            watch: Arc::default(),
        }
    }

    /// Polls the provider within this tokio runtime, which must have threads of its own: for providers that use its timers and
    /// sockets, or spawn tasks.
    #[must_use]
    pub fn on_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Runs a future to its end, in this thread.
    fn wait_for<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = self.poll(future.as_mut(), &mut cx) {
                return output;
            }
            thread::park();
        }
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _inside = self.runtime.as_ref().map(Handle::enter);
        future.poll(cx)
    }

    /// The provider, if it may be asked.
    fn initialised(&self) -> Result<&Hooked, ResolutionError> {
        let not_yet = || {
            let message = format!("provider `{}` is not initialised yet", self.name);
            ResolutionError::new(ErrorCode::ProviderNotReady, message)
        };
        self.initialised.get().ok_or_else(not_yet)
    }
}

impl std::fmt::Debug for FromOpenFeature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromOpenFeature").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Provider for FromOpenFeature {
    fn name(&self) -> &str {
        &self.name
    }

    fn resolve(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Resolved {
        let provider = self.initialised()?;
        self.wait_for(ask(provider, key, value_type, &theirs(ctx)))
    }

    fn resolve_now(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Option<Resolved> {
        // Relaxed: it guards nothing, and is as good a little later.
        if self.takes_time.load(Ordering::Relaxed) {
            return None;
        }
        let provider = match self.initialised() {
            Ok(provider) => provider,
            Err(error) => return Some(Err(error)),
        };
        let ctx = theirs(ctx);
        let asked = pin!(ask(provider, key, value_type, &ctx));
        match self.poll(asked, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(resolved) => Some(resolved),
            Poll::Pending => {
                self.takes_time.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Initialises the provider, however long that takes, and looks after its status from then on.
    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        let given = lock(&self.given).take();
        let given = given.ok_or_else(|| ProviderError::new("it was started before"))?;
        let provider = self.wait_for(async { Hooked::new(given.initialised().await).await });
        let watched = provider.shared();
        if self.initialised.set(provider).is_err() {
            return Err(ProviderError::new("it was started before"));
        }
        let mut known = ProviderStatus::NotReady;
        tell(&events, &watched, &mut known, true);
        let watch = Arc::clone(&self.watch);
        let watching = thread::Builder::new().name("flags-openfeature".to_owned()).spawn(move || {
            while !watch.is_over_within(LOOK) {
                tell(&events, &watched, &mut known, false);
            }
        });
        watching.map(drop).map_err(|error| ProviderError::new(format!("no thread to look after it: {error}")))
    }

    fn stop(&self) {
        *lock(&self.watch.is_over) = true;
        self.watch.changed.notify_all();
    }
}

/// Tells where the provider stands, if that is another place than was known.
fn tell(events: &ProviderEvents, provider: &Arc<dyn FeatureProvider>, known: &mut ProviderStatus, is_first: bool) {
    let status = catch_unwind(AssertUnwindSafe(|| provider.status())).unwrap_or(ProviderStatus::Error);
    if status == *known && !is_first {
        return;
    }
    match status {
        ProviderStatus::Ready => events.ready(),
        ProviderStatus::STALE => events.stale("its status is STALE"),
        ProviderStatus::Error => events.error("its status is ERROR"),
        ProviderStatus::NotReady => events.error("its status is NOT_READY"),
    }
    *known = status;
}

/// Asks in the flag's type, and once more for the other kind of number.
async fn ask(provider: &Hooked, key: &str, value_type: ValueType, ctx: &OpenContext) -> Resolved {
    let answered = match value_type {
        ValueType::Boolean => provider.bool(key, ctx).await.map(|details| ours(details, Value::Bool)),
        ValueType::String => provider.string(key, ctx).await.map(|details| ours(details, Value::String)),
        ValueType::Object => provider.object(key, ctx).await.map(|details| ours(details, json_text)),
        ValueType::Integer => {
            let asked = provider.int(key, ctx).await.map(|details| ours(details, Value::Integer));
            match asked {
                Err(error) if is_mismatch(&error) => {
                    provider.float(key, ctx).await.map(|details| ours(details, Value::Float)).map_err(|_| error)
                }
                asked => asked,
            }
        }
        ValueType::Float => {
            let asked = provider.float(key, ctx).await.map(|details| ours(details, Value::Float));
            match asked {
                Err(error) if is_mismatch(&error) => {
                    provider.int(key, ctx).await.map(|details| ours(details, Value::Integer)).map_err(|_| error)
                }
                asked => asked,
            }
        }
    };
    answered.map_err(error)
}

fn is_mismatch(error: &EvaluationError) -> bool {
    error.code == EvaluationErrorCode::TypeMismatch
}

/// The context in the SDK's words.
fn theirs(ctx: &EvaluationContext) -> OpenContext {
    let targeting_key = Some(ctx.targeting_key()).filter(|key| !key.is_empty()).map(str::to_owned);
    let mut theirs = OpenContext { targeting_key, ..OpenContext::default() };
    for (name, value) in ctx.attributes() {
        theirs.add_custom_field(
            name,
            match value {
                AttributeValue::Bool(value) => Field::Bool(*value),
                AttributeValue::Integer(value) => Field::Int(*value),
                AttributeValue::Float(value) => Field::Float(*value),
                AttributeValue::String(value) => Field::String(value.clone()),
            },
        );
    }
    if let Some(kind) = ctx.targeting_kind() {
        theirs.add_custom_field("kind", kind);
    }
    if !ctx.all_groups().is_empty() {
        theirs.add_custom_field("groups", ctx.all_groups().join(","));
    }
    theirs
}

/// An answer in our words.
fn ours<V>(details: ResolutionDetails<V>, value: impl FnOnce(V) -> Value) -> Resolution {
    let ResolutionDetails { value: given, variant, reason, flag_metadata } = details;
    let mut resolution = Resolution::new(value(given));
    if let Some(variant) = variant {
        resolution = resolution.variant(variant);
    }
    let (reason, other) = match reason {
        Some(EvaluationReason::Static) => (Reason::Static, None),
        Some(EvaluationReason::Default) => (Reason::Default, None),
        Some(EvaluationReason::TargetingMatch) => (Reason::TargetingMatch, None),
        Some(EvaluationReason::Split) => (Reason::Split, None),
        Some(EvaluationReason::Cached) => (Reason::Cached, None),
        Some(EvaluationReason::Disabled) => (Reason::Disabled, None),
        Some(EvaluationReason::Error) => (Reason::Error, None),
        Some(EvaluationReason::Unknown) | None => (Reason::Unknown, None),
        Some(EvaluationReason::Other(reason)) => match reason.as_str() {
            "STALE" => (Reason::Stale, None),
            "OVERRIDE" => (Reason::Override, None),
            _ => (Reason::Unknown, Some(reason)),
        },
    };
    resolution = resolution.reason(reason);
    if let Some(reason) = other {
        resolution = resolution.metadata("reason", reason);
    }
    // What the provider itself calls `reason` comes later, and counts.
    for (name, value) in flag_metadata.unwrap_or_default().values {
        resolution = match value {
            FlagMetadataValue::Bool(value) => resolution.metadata(name, value),
            FlagMetadataValue::Int(value) => resolution.metadata(name, value),
            FlagMetadataValue::Float(value) => resolution.metadata(name, value),
            FlagMetadataValue::String(value) => resolution.metadata(name, value),
        };
    }
    resolution
}

fn json_text(value: StructValue) -> Value {
    Value::Json(json(OpenValue::Struct(value)).to_string())
}

fn json(value: OpenValue) -> Json {
    match value {
        OpenValue::Bool(value) => value.into(),
        OpenValue::Int(value) => value.into(),
        // What is no number in JSON is null.
        OpenValue::Float(value) => value.into(),
        OpenValue::String(value) => value.into(),
        OpenValue::Array(values) => values.into_iter().map(json).collect(),
        OpenValue::Struct(value) => value.fields.into_iter().map(|(name, value)| (name, json(value))).collect(),
    }
}

fn error(error: EvaluationError) -> ResolutionError {
    let EvaluationError { code, message } = error;
    let said = message.unwrap_or_else(|| code.to_string());
    let code = match code {
        EvaluationErrorCode::ProviderNotReady => ErrorCode::ProviderNotReady,
        EvaluationErrorCode::FlagNotFound => ErrorCode::FlagNotFound,
        EvaluationErrorCode::ParseError => ErrorCode::ParseError,
        EvaluationErrorCode::TypeMismatch => ErrorCode::TypeMismatch,
        EvaluationErrorCode::TargetingKeyMissing => ErrorCode::TargetingKeyMissing,
        EvaluationErrorCode::InvalidContext => ErrorCode::InvalidContext,
        EvaluationErrorCode::General(text) if text == ErrorCode::ProviderFatal.as_str() => ErrorCode::ProviderFatal,
        EvaluationErrorCode::General(_) => ErrorCode::General,
    };
    ResolutionError::new(code, said)
}

/// A provider that is still its owner's alone, as `initialize` needs it.
trait Initialize: Send {
    fn initialised(self: Box<Self>) -> Pin<Box<dyn Future<Output = Arc<dyn FeatureProvider>> + Send>>;
}

impl<P: FeatureProvider> Initialize for P {
    fn initialised(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = Arc<dyn FeatureProvider>> + Send>> {
        Box::pin(async move {
            // There is no context that holds for everybody.
            self.initialize(&OpenContext::default()).await;
            Arc::from(self as Box<dyn FeatureProvider>)
        })
    }
}

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Ends the thread that looks after the status.
#[derive(Default)]
struct Watch {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl Watch {
    fn is_over_within(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(lock(&self.is_over), time, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked is replaced whole: nothing can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
