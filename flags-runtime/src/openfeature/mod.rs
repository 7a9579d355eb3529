//! OpenFeature: the flags of this program for code that reads them by OpenFeature's Rust SDK, the crate `open-feature`.
//!
//! [`FlagsProvider`] answers every flag of the registry by its key: `public` or not, since nothing leaves the process. A read goes the
//! way of any other one, so forced flags, the override file, providers, request views, hooks and exposure by details all hold. The
//! other direction, an OpenFeature provider that decides flags of ours, is [`provider::openfeature`](crate::provider::openfeature).
//!
//! | a flag of type | is read as |
//! |---|---|
//! | `bool` | a bool |
//! | integers | an int; a float where that is exact |
//! | `f32`, `f64` | a float |
//! | `String`, an enum | a string: an enum's is the name of its variant |
//! | `Json<T>` that is `public` | a struct, if its value is a JSON object; fields that are null are left out |
//!
//! Anything else is `TYPE_MISMATCH`. A `Json<T>` that is not declared `public` cannot be written as JSON, and answers an error that
//! says so.
//!
//! # Context
//!
//! The targeting key is the targeting key, `kind` (a string) the kind, and every other bool, int, float or string an attribute; a
//! date is an attribute in RFC 3339. `groups` is a string with commas (`"beta,staff"`), since this SDK's contexts have no lists, or a
//! struct that holds a `Vec<String>` (`EvaluationContextFieldValue::new_struct(vec![..])`). Other structs are passed over: no rule
//! looks into them. A context that says nothing is nobody's: the ambient one of [`context`](crate::context) is not looked at.
//!
//! # Answers
//!
//! Where details have the reason `ERROR` the provider gives an `Err` with its code and message, so the caller's own default counts,
//! not the declared one; so it does with `PROVIDER_NOT_READY` for a flag without a document while the source was not reached yet.
//! Codes that the SDK does not have are the text of its `General`: `PROVIDER_FATAL`, `GENERAL`. Reasons that it does not have are
//! `Other`: `OVERRIDE`, `STALE`. Flag metadata is what a provider behind the flag says; `errorCode` is added where there is an answer
//! although something went wrong (`TARGETING_KEY_MISSING`).
//!
//! A flag whose provider has no answer at hand is waited for, a second at most: unlike `flag!`, an OpenFeature read is a future.
//!
//! # What the SDK does not have
//!
//! Version 0.3 knows no events, no shutdown, no tracking and no `FATAL` status: use [`builder().on_event(..)`](crate::Builder::on_event),
//! [`Guard`](crate::Guard) and [`EvaluationDetails::track`](crate::EvaluationDetails::track).

mod context;
mod value;

use std::time::Duration;

use open_feature::provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails};
use open_feature::{
    EvaluationContext as OpenContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata, Hook, HookWrapper, StructValue, async_trait,
};

use self::context::ours;
use self::value::{Given, Wanted};
use crate::context::AttributeValue;
use crate::details::{ErrorCode, EvaluationDetails, Reason};
use crate::prepare::prepare_one;
use crate::provider::ProviderState;
use crate::registry::near::near;
use crate::registry::{RegisteredFlag, registry};
use crate::status::{BOARD, SourceState, status};

/// The flags of this program as a provider of OpenFeature's Rust SDK.
///
/// ```
/// use flags_runtime::openfeature::FlagsProvider;
/// use flags_runtime::{Flag, feature_flag};
/// use open_feature::{EvaluationContext, EvaluationReason, OpenFeature};
///
/// #[feature_flag(name = "openfeature_example", default = true, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let _guard = flags_runtime::builder().start()?;
/// OpenFeature::singleton_mut().await.set_provider(FlagsProvider::new()).await;
/// let client = OpenFeature::singleton().await.create_client();
///
/// let ctx = EvaluationContext::default().with_targeting_key("user-42").with_custom_field("groups", "beta,staff");
/// let details = client.get_bool_details("openfeature_example", Some(&ctx), None).await.unwrap();
/// assert_eq!((details.value, details.reason), (true, Some(EvaluationReason::Default)));
///
/// // The SDK has no parameter for the default: this is its way.
/// assert!(!client.get_bool_value("openfeature_exampel", None, None).await.unwrap_or(false));
/// # Ok(())
/// # }
/// ```
pub struct FlagsProvider {
    metadata: ProviderMetadata,
    hooks: Vec<HookWrapper>,
    patience: Duration,
}

/// How long `initialize` waits, unless set.
const PATIENCE: Duration = Duration::from_secs(5);

impl FlagsProvider {
    /// The flags of this process: there is one registry, so all such providers answer alike.
    pub fn new() -> Self {
        Self { metadata: ProviderMetadata::new("flags-runtime"), hooks: Vec::new(), patience: PATIENCE }
    }

    /// How long `set_provider` waits until the sources and providers of this process have answered; 5 s unless set, zero does not
    /// wait. It never fails: [`status`](FeatureProvider::status) tells. The SDK lets no client evaluate meanwhile.
    #[must_use]
    pub fn ready_within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Adds a hook of the SDK to every evaluation by it. Hooks of ours ([`hooks`](crate::hooks)) are around every read anyway.
    #[must_use]
    pub fn hook(mut self, hook: impl Hook) -> Self {
        self.hooks.push(HookWrapper::new(hook));
        self
    }
}

impl Default for FlagsProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for FlagsProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlagsProvider").field("patience", &self.patience).finish_non_exhaustive()
    }
}

#[async_trait]
impl FeatureProvider for FlagsProvider {
    async fn initialize(&mut self, _: &OpenContext) {
        if self.patience.is_zero() || BOARD.wait_ready(Duration::ZERO).is_ok() {
            return;
        }
        let patience = self.patience;
        // A thread, since neither the executor nor its timers are known here.
        let (tell, told) = tokio::sync::oneshot::channel();
        let waiting = std::thread::Builder::new().name("flags-ready".to_owned()).spawn(move || {
            let _ = BOARD.wait_ready(patience);
            let _ = tell.send(());
        });
        if waiting.is_ok() {
            let _ = told.await;
        }
    }

    fn status(&self) -> ProviderStatus {
        let status = status();
        let sources = || [&status.source, &status.override_file].into_iter().flatten();
        let is_source = |state: SourceState| sources().any(|source| source.state == state);
        let is_provider = |states: &[ProviderState]| status.providers.iter().any(|one| states.contains(&one.state));
        if is_provider(&[ProviderState::Error, ProviderState::Fatal]) {
            ProviderStatus::Error
        } else if is_provider(&[ProviderState::NotReady, ProviderState::Stopped])
            || is_source(SourceState::Stopped)
            || sources().any(|source| source.age.is_none() && source.snapshot_age.is_none())
        {
            ProviderStatus::NotReady
        } else if is_provider(&[ProviderState::Stale]) || sources().any(|source| source.state != SourceState::Live) {
            ProviderStatus::STALE
        } else {
            ProviderStatus::Ready
        }
    }

    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    fn hooks(&self) -> &[HookWrapper] {
        &self.hooks
    }

    async fn resolve_bool_value(
        &self,
        flag_key: &str,
        evaluation_context: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        resolve(flag_key, evaluation_context).await
    }

    async fn resolve_int_value(
        &self,
        flag_key: &str,
        evaluation_context: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        resolve(flag_key, evaluation_context).await
    }

    async fn resolve_float_value(
        &self,
        flag_key: &str,
        evaluation_context: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        resolve(flag_key, evaluation_context).await
    }

    async fn resolve_string_value(
        &self,
        flag_key: &str,
        evaluation_context: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        resolve(flag_key, evaluation_context).await
    }

    async fn resolve_struct_value(
        &self,
        flag_key: &str,
        evaluation_context: &OpenContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        resolve(flag_key, evaluation_context).await
    }
}

async fn resolve<V: Wanted>(key: &str, ctx: &OpenContext) -> EvaluationResult<ResolutionDetails<V>> {
    let flag = registry().by_key(key).ok_or_else(|| unknown(key))?;
    V::expect(flag.declaration())?;
    let ctx = ours(ctx);
    let _ = prepare_one(key, &ctx).await;
    if V::IS_JSON
        && let Some(answer) = flag.declaration().public_answer(Some(&ctx))
    {
        let details = answer.map_err(|why| error(EvaluationErrorCode::General("GENERAL".to_owned()), why))?;
        return told(flag, &details, Given::Text(&details.value));
    }
    let mut resolved = None;
    flag.lend(&ctx, &mut |details| resolved = Some(told(flag, details, Given::Any(details.value))));
    resolved.unwrap_or_else(|| Err(unknown(key)))
}

/// What the SDK is told of an evaluation.
fn told<V: Wanted, W>(
    flag: &RegisteredFlag,
    details: &EvaluationDetails<W>,
    given: Given<'_>,
) -> EvaluationResult<ResolutionDetails<V>> {
    if details.reason == Reason::Error {
        let code = details.error_code.unwrap_or(ErrorCode::General);
        let message = details.error_message.as_deref();
        let message = message.map_or_else(|| format!("flag `{}` has no value: {code}", details.key), str::to_owned);
        return Err(error(code_of(code), message));
    }
    // Nobody has decided, and somebody may as soon as it is reached.
    if details.reason == Reason::Default && !is_provided(flag) && BOARD.is_without_source() {
        let message = format!("flag `{}` has no document yet: its source was not reached", details.key);
        return Err(error(EvaluationErrorCode::ProviderNotReady, message));
    }
    let value = V::take(flag.declaration(), given)?;
    let mut metadata = FlagMetadata::default();
    for (name, value) in details.flag_metadata.iter() {
        match value {
            AttributeValue::Bool(value) => metadata.add_value(name, *value),
            AttributeValue::Integer(value) => metadata.add_value(name, open_feature::FlagMetadataValue::Int(*value)),
            AttributeValue::Float(value) => metadata.add_value(name, *value),
            AttributeValue::String(value) => metadata.add_value(name, value.as_str()),
        }
    }
    if let Some(code) = details.error_code {
        metadata.add_value("errorCode", code.as_str());
    }
    Ok(ResolutionDetails {
        value,
        variant: details.variant.as_deref().map(str::to_owned),
        reason: Some(reason_of(details.reason)),
        flag_metadata: Some(metadata),
    })
}

/// Whether a provider decides it.
fn is_provided(flag: &RegisteredFlag) -> bool {
    flag.cores().iter().any(|core| core.published.load().as_ref().is_some_and(|published| published.provided.is_some()))
}

fn unknown(key: &str) -> EvaluationError {
    let keys = registry().flags().iter().map(|flag| flag.declaration().key());
    let near: Vec<_> = near(key, keys).into_iter().map(|key| format!("`{key}`")).collect();
    let message = match &near[..] {
        [] => format!("this program has no flag of the key `{key}`"),
        near => format!("this program has no flag of the key `{key}`: did you mean {}?", near.join(" or ")),
    };
    error(EvaluationErrorCode::FlagNotFound, message)
}

fn error(code: EvaluationErrorCode, message: impl Into<String>) -> EvaluationError {
    EvaluationError { code, message: Some(message.into()) }
}

fn code_of(code: ErrorCode) -> EvaluationErrorCode {
    match code {
        ErrorCode::TargetingKeyMissing => EvaluationErrorCode::TargetingKeyMissing,
        ErrorCode::ParseError => EvaluationErrorCode::ParseError,
        ErrorCode::TypeMismatch => EvaluationErrorCode::TypeMismatch,
        ErrorCode::ProviderNotReady => EvaluationErrorCode::ProviderNotReady,
        ErrorCode::FlagNotFound => EvaluationErrorCode::FlagNotFound,
        ErrorCode::InvalidContext => EvaluationErrorCode::InvalidContext,
        // Shown by its text.
        ErrorCode::ProviderFatal | ErrorCode::General => EvaluationErrorCode::General(code.as_str().to_owned()),
    }
}

fn reason_of(reason: Reason) -> EvaluationReason {
    match reason {
        Reason::Default => EvaluationReason::Default,
        Reason::Disabled => EvaluationReason::Disabled,
        Reason::TargetingMatch => EvaluationReason::TargetingMatch,
        Reason::Static => EvaluationReason::Static,
        Reason::Split => EvaluationReason::Split,
        Reason::Cached => EvaluationReason::Cached,
        Reason::Unknown => EvaluationReason::Unknown,
        Reason::Error => EvaluationReason::Error,
        Reason::Override | Reason::Stale => EvaluationReason::Other(reason.as_str().to_owned()),
    }
}
