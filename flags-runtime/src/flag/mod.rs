//! The flag: a typed static, and every way to read it.
//!
//! Reading never fails, blocks, panics, logs or touches the network, before start and after stop too. One exception is
//! the user's own: a `default_fn` runs in the first read that needs it, and what it does the read does.

mod decided;

use std::fmt;

use self::decided::{Outcome, Told, by_rule_alone, decide, in_force, outcome, recalled};
use crate::context::{self, EvaluationContext};
#[cfg(feature = "openfeature")]
use crate::details::AnyValue;
use crate::details::{ErrorCode, EvaluatedFor, EvaluationDetails, FlagMetadata, Reason};
use crate::evaluate::{Explanation, Observer, Step};
use crate::hooks;
use crate::provider::Provided;
use crate::registry::cell::Reading;
use crate::registry::declaration::{AnyFlag, Declaration, FlagCore};
use crate::types::{DefaultValue, FlagValue, Held, Shown as _};
use crate::value::CompiledValue;

/// A typed feature flag; declared as a static with [`feature_flag`](crate::feature_flag), read with
/// [`flag!`](crate::flag).
///
/// The methods are for generic code: unlike `flag!` they leave no call-site record in the binary, so an audit does not
/// see them. Each comes twice: for the ambient context, and `.._for` an explicit one.
pub struct Flag<T: FlagValue> {
    core: FlagCore,
    default: DefaultValue<T>,
}

/// What `flag!` and the attribute take: a [`Flag`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature flag",
    label = "not a `Flag<..>`",
    note = "declare it as `#[feature_flag(..)] static NAME: Flag<bool>;`"
)]
pub trait FlagItem {
    type Value: FlagValue;
}

impl<T: FlagValue> FlagItem for Flag<T> {
    type Value = T;
}

impl<T: FlagValue> Flag<T> {
    #[doc(hidden)]
    pub const fn __new(declaration: &'static Declaration, default: DefaultValue<T>) -> Self {
        Self { core: FlagCore::new(declaration), default }
    }

    #[doc(hidden)]
    pub const fn __core(&'static self) -> &'static FlagCore {
        &self.core
    }

    #[doc(hidden)]
    pub const fn __any(&'static self) -> &'static dyn AnyFlag {
        self
    }

    #[doc(hidden)]
    pub fn __default_bits(&'static self) -> u64 {
        T::default_bits(&self.default)
    }

    /// What was declared.
    pub const fn declaration(&self) -> &'static Declaration {
        self.core.declaration
    }

    /// The value for the ambient context.
    #[inline]
    pub fn get(&'static self) -> T::Ref {
        match self.core.settled().and_then(|bits| T::from_settled(bits, &self.default)) {
            Some(value) => value,
            None => self.get_slow(None),
        }
    }

    /// The value for a context.
    #[inline]
    pub fn get_for(&'static self, ctx: &EvaluationContext) -> T::Ref {
        match self.core.settled().and_then(|bits| T::from_settled(bits, &self.default)) {
            Some(value) => value,
            None => self.get_slow(Some(ctx)),
        }
    }

    /// The value for the ambient context, with its reason.
    pub fn details(&'static self) -> EvaluationDetails<T::Ref> {
        self.details_of(None, &mut ())
    }

    /// The value for a context, with its reason.
    pub fn details_for(&'static self, ctx: &EvaluationContext) -> EvaluationDetails<T::Ref> {
        self.details_of(Some(ctx), &mut ())
    }

    /// The value for the ambient context, with every step that led to it.
    pub fn explain(&'static self) -> Explanation<T::Ref> {
        self.explain_of(None)
    }

    /// The value for a context, with every step that led to it.
    pub fn explain_for(&'static self, ctx: &EvaluationContext) -> Explanation<T::Ref> {
        self.explain_of(Some(ctx))
    }

    /// The document's value if it is enabled, whoever asks; none without a document, and if it is disabled or null. Of a flag that a
    /// provider decides what that answers everybody; none if it depends on who asks.
    pub fn configured(&'static self) -> Option<T::Ref> {
        #[cfg(feature = "testing")]
        if let Some(forced) = crate::testing::overrides::forced(&self.core) {
            return forced.configured().map(|value| T::from_held(Held::Own(value), &self.default));
        }
        let published = in_force(&self.core);
        let current = published.as_ref()?;
        let value = match &current.provided {
            // What a provider answers some is nobody's in particular.
            Some(Provided { settled: None, .. }) => return None,
            Some(_) if current.settled_answer().is_some() => current.settled_answer()?.value.as_ref()?,
            Some(_) | None => {
                let rule = current.rule.as_ref()?;
                rule.value.as_ref().filter(|_| rule.targeting.is_enabled)?
            }
        };
        let held = match value {
            CompiledValue::Bits(bits) => Held::Bits(*bits),
            CompiledValue::Text(_) | CompiledValue::Json(_) => Held::Rule(published),
        };
        Some(T::from_held(held, &self.default))
    }

    // Out of line: a settled read must not pay for the other kinds.
    #[cold]
    #[inline(never)]
    fn get_slow(&'static self, ctx: Option<&EvaluationContext>) -> T::Ref {
        #[cfg(feature = "testing")]
        crate::testing::overrides::arm();
        let reading = self.core.cell.read();
        if !T::IS_SCALAR && reading == Reading::Shared {
            if let Some(value) = T::shared(self.core.published.load()) {
                return value;
            }
        } else if reading == Reading::Decided {
            let bits =
                recalled(&self.core, ctx).or_else(|| T::IS_SCALAR.then(|| by_rule_alone(&self.core, ctx)).flatten());
            if let Some(value) = bits.and_then(|bits| T::from_settled(bits, &self.default)) {
                return value;
            }
        }
        self.get_decided(ctx)
    }

    #[inline(never)]
    fn get_decided(&'static self, ctx: Option<&EvaluationContext>) -> T::Ref {
        if hooks::are_set() {
            return self.hooked(ctx).value;
        }
        T::from_held(decide(&self.core, ctx), &self.default)
    }

    /// Evaluates with every hook around it.
    fn hooked(&'static self, ctx: Option<&EvaluationContext>) -> EvaluationDetails<T::Ref> {
        let ctx = ctx.cloned().or_else(context::current).unwrap_or_default();
        let default = T::from_held(Held::Default, &self.default);
        let mut evaluation = hooks::Evaluation::begin(self.core.declaration, ctx.clone(), default.any());
        let details = if let Some(ctx) = evaluation.before() {
            let details = self.evaluated(Some(&ctx), &mut ());
            evaluation.after(&details.with_value(details.value.any()));
            details
        } else {
            let error_code = Some(ErrorCode::General);
            self.details_from(Some(&ctx), Outcome { error_code, ..Outcome::default(Reason::Error) })
        };
        evaluation.finally(&details.with_value(details.value.any()));
        details
    }

    fn details_of<O: Observer>(
        &'static self,
        ctx: Option<&EvaluationContext>,
        observer: &mut O,
    ) -> EvaluationDetails<T::Ref> {
        if !O::LOOKS && hooks::are_set() {
            return self.hooked(ctx);
        }
        self.evaluated(ctx, observer)
    }

    fn evaluated(
        &'static self,
        ctx: Option<&EvaluationContext>,
        observer: &mut impl Observer,
    ) -> EvaluationDetails<T::Ref> {
        self.details_from(ctx, outcome(&self.core, ctx, observer))
    }

    fn details_from(&'static self, ctx: Option<&EvaluationContext>, outcome: Outcome) -> EvaluationDetails<T::Ref> {
        let Outcome { held, reason, error_code, told } = outcome;
        let value = T::from_held(held, &self.default);
        let (variant, error_message, flag_metadata) = match told {
            Told::Nothing => (None, None, FlagMetadata::default()),
            Told::Refused(published) => {
                let error = published.as_ref().and_then(|published| published.refused.as_ref());
                let message = error.map(|error| format!("the document was refused: {error}"));
                (None, message, FlagMetadata::default())
            }
            Told::Answer(answer) => (answer.variant.clone(), answer.error_message.clone(), answer.metadata.clone()),
        };
        EvaluationDetails {
            key: self.core.declaration.key(),
            variant: variant.map(Into::into).or_else(|| T::variant(&value).map(Into::into)),
            value,
            reason,
            error_code,
            error_message: error_message.map(Into::into),
            flag_metadata,
            evaluated_for: EvaluatedFor(ctx.map_or_else(|| context::with_current(Clone::clone), Clone::clone)),
        }
    }

    fn explain_of(&'static self, ctx: Option<&EvaluationContext>) -> Explanation<T::Ref> {
        let mut steps: Vec<Step> = Vec::new();
        let details = self.details_of(ctx, &mut steps);
        Explanation { details, steps }
    }
}

impl<T: FlagValue> AnyFlag for Flag<T> {
    fn core(&'static self) -> &'static FlagCore {
        &self.core
    }

    #[cfg(feature = "openfeature")]
    fn lend(&'static self, ctx: &EvaluationContext, borrow: &mut dyn FnMut(&EvaluationDetails<AnyValue<'_>>)) {
        let details = self.details_for(ctx);
        borrow(&details.with_value(details.value.any()));
    }
}

impl<T: FlagValue> fmt::Debug for Flag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flag").field(&self.core.declaration.name()).finish()
    }
}
