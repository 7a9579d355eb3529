//! The flag: a typed static, and every way to read it.
//!
//! Reading never fails, blocks, panics, logs or touches the network, before start and after stop too. One exception is
//! the user's own: a `default_fn` runs in the first read that needs it, and what it does the read does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::context::{self, EvaluationContext};
use crate::details::{ErrorCode, EvaluatedFor, EvaluationDetails, Reason};
use crate::evaluate::{Decision, Explanation, Observer, Step, evaluate_observed};
use crate::hooks;
use crate::registry::declaration::{Declaration, FlagCore};
use crate::rules::DocumentError;
use crate::rules::rule::{Origin, Published, Rule};
use crate::store;
use crate::types::{DefaultValue, FlagValue, Held, Loaded, Shown as _};
use crate::value::CompiledValue;
use crate::view::{self, Remembered, RememberedValue};

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
        match self.core.settled() {
            Some(bits) => T::from_settled(bits, &self.default),
            None => self.get_slow(None),
        }
    }

    /// The value for a context.
    #[inline]
    pub fn get_for(&'static self, ctx: &EvaluationContext) -> T::Ref {
        match self.core.settled() {
            Some(bits) => T::from_settled(bits, &self.default),
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

    /// The document's value if it is enabled, whoever asks; none without a document, and if it is disabled or null.
    pub fn configured(&'static self) -> Option<T::Ref> {
        #[cfg(feature = "testing")]
        if let Some(forced) = crate::testing::overrides::forced(&self.core) {
            return forced.configured().map(|value| T::from_held(Held::Own(value), &self.default));
        }
        let published = in_force(&self.core);
        let rule = published.as_ref()?.rule.as_ref()?;
        let value = rule.value.as_ref().filter(|_| rule.targeting.is_enabled)?;
        let held = match value {
            CompiledValue::Bits(bits) => Held::Bits(*bits),
            CompiledValue::Text(_) | CompiledValue::Json(_) => Held::Rule(published),
        };
        Some(T::from_held(held, &self.default))
    }

    // Out of line: a settled read must not pay for the other kind.
    #[cold]
    #[inline(never)]
    fn get_slow(&'static self, ctx: Option<&EvaluationContext>) -> T::Ref {
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
        let Outcome { held, reason, error_code } = outcome;
        let value = T::from_held(held, &self.default);
        EvaluationDetails {
            key: self.core.declaration.key(),
            variant: T::variant(&value).map(Into::into),
            value,
            reason,
            error_code,
            evaluated_for: EvaluatedFor(ctx.map_or_else(|| context::with_current(Clone::clone), Clone::clone)),
        }
    }

    fn explain_of(&'static self, ctx: Option<&EvaluationContext>) -> Explanation<T::Ref> {
        let mut steps: Vec<Step> = Vec::new();
        let details = self.details_of(ctx, &mut steps);
        Explanation { details, steps }
    }
}

impl<T: FlagValue> fmt::Debug for Flag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flag").field(&self.core.declaration.name()).finish()
    }
}

/// A decision together with what its value is borrowed from.
struct Outcome {
    held: Held,
    reason: Reason,
    error_code: Option<ErrorCode>,
}

impl Outcome {
    fn default(reason: Reason) -> Self {
        Self { held: Held::Default, reason, error_code: None }
    }
}

/// The slow read. Not generic, so that it is compiled and optimised once, in this crate.
fn decide(core: &'static FlagCore, ctx: Option<&EvaluationContext>) -> Held {
    outcome(core, ctx, &mut ()).held
}

/// Decides without the cell. The same for every flag type.
fn outcome<O: Observer>(core: &'static FlagCore, ctx: Option<&EvaluationContext>, observer: &mut O) -> Outcome {
    let outcome = decided(core, ctx, observer);
    #[cfg(feature = "testing")]
    crate::testing::overrides::note(core, || evaluation(core, ctx, &outcome));
    outcome
}

/// Decides by what a test forces, else by the published rule.
fn decided<O: Observer>(core: &'static FlagCore, ctx: Option<&EvaluationContext>, observer: &mut O) -> Outcome {
    #[cfg(feature = "testing")]
    crate::testing::overrides::arm();
    core.settle_first();
    store::note_read(core);
    #[cfg(feature = "testing")]
    if let Some(forced) = crate::testing::overrides::forced(core) {
        observer.saw(|| Step::Forced);
        return by_force(core, forced, ctx, observer);
    }
    if !O::LOOKS
        && let Some(remembered) = remembered(core, ctx)
    {
        return remembered;
    }
    let published = in_force(core);
    let Some(current) = published.as_ref().filter(|current| current.is_something()) else {
        observer.saw(|| Step::NoDocument);
        return Outcome::default(Reason::Default);
    };
    if current.is_outage {
        observer.saw(|| Step::Outage);
        let error_code = Some(ErrorCode::ProviderNotReady);
        return Outcome { error_code, ..Outcome::default(Reason::Default) };
    }
    let is_override = current.origin == Origin::OverrideFile;
    if is_override {
        observer.saw(|| Step::OverrideFile);
    }
    if let Some(error) = &current.refused {
        observer.saw(|| Step::Refused { message: error.to_string() });
    }
    let Some(rule) = &current.rule else {
        let error_code = current.refused.as_ref().map(DocumentError::code);
        return Outcome { error_code, ..Outcome::default(Reason::Error) };
    };
    let Decision { is_on, reason, error_code } = by_rule(core, rule, ctx, observer);
    let value = match (is_on, core.declaration.is_switch(), rule.on_value()) {
        (_, true, _) => RememberedValue::Bits(is_on.into()),
        (true, false, Some(CompiledValue::Bits(bits))) => RememberedValue::Bits(*bits),
        (true, false, Some(CompiledValue::Text(_) | CompiledValue::Json(_))) => {
            RememberedValue::OfRule(rule_address(rule))
        }
        (true, false, None) | (false, false, _) => RememberedValue::Default,
    };
    let reason = if is_override { Reason::Override } else { reason };
    view::remember(core.address(), ctx, Remembered { value, reason, error_code });
    let held = match value {
        RememberedValue::Default => Held::Default,
        RememberedValue::Bits(bits) => Held::Bits(bits),
        RememberedValue::OfRule(_) => Held::Rule(published),
    };
    Outcome { held, reason, error_code }
}

/// What is in force of a flag: now, or within the view that the reader has.
#[inline]
fn in_force(core: &FlagCore) -> Loaded {
    let published = core.published.load();
    match published.as_deref() {
        Some(Published { earlier, .. }) if !earlier.is_empty() => in_view(published),
        _ => published,
    }
}

#[cold]
fn in_view(published: Loaded) -> Loaded {
    let shown = view::shown_here();
    store::release_if_due();
    let earlier = published.as_ref().map(|published| published.earlier.as_slice()).unwrap_or_default();
    match shown.and_then(|epoch| earlier.iter().find(|earlier| epoch < earlier.until)) {
        Some(earlier) => Loaded::from_inner(earlier.published.clone()),
        None => published,
    }
}

/// What was answered before in this view.
#[inline]
fn remembered(core: &FlagCore, ctx: Option<&EvaluationContext>) -> Option<Outcome> {
    let Remembered { value, reason, error_code } = view::recall(core.address(), ctx)?;
    let held = match value {
        RememberedValue::Default => Held::Default,
        RememberedValue::Bits(bits) => Held::Bits(bits),
        RememberedValue::OfRule(address) => {
            let published = core.published.load();
            // It may have been replaced since; not twice while the epoch lasts, so this address is no other rule's.
            let is_it = published.as_ref()?.rule.as_ref().is_some_and(|rule| rule_address(rule) == address);
            (is_it && view::unchanged_here().is_some()).then_some(Held::Rule(published))?
        }
    };
    Some(Outcome { held, reason, error_code })
}

fn rule_address(rule: &Arc<Rule>) -> usize {
    Arc::as_ptr(rule).addr()
}

/// Decides by a rule, and counts reads for which a key was missing.
fn by_rule(core: &FlagCore, rule: &Rule, ctx: Option<&EvaluationContext>, observer: &mut impl Observer) -> Decision {
    let (key, targeting) = (core.declaration.key(), Some(&rule.targeting));
    let decision = match ctx {
        Some(ctx) => evaluate_observed(key, targeting, ctx, observer),
        None => context::with_current(|ctx| evaluate_observed(key, targeting, ctx, observer)),
    };
    if decision.error_code == Some(ErrorCode::TargetingKeyMissing) {
        core.missing_keys.fetch_add(1, Ordering::Relaxed);
    }
    decision
}

/// An answer, as a test's recording has it.
#[cfg(feature = "testing")]
fn evaluation(
    core: &'static FlagCore,
    ctx: Option<&EvaluationContext>,
    outcome: &Outcome,
) -> crate::testing::recording::Evaluation {
    let declaration = core.declaration;
    let bits = match &outcome.held {
        Held::Bits(bits) => Some(*bits),
        Held::Default => Some(core.default_bits()),
        Held::Rule(published) => {
            let value = published.as_ref().and_then(|published| published.on_value());
            value.map_or_else(|| Some(core.default_bits()), CompiledValue::bits)
        }
        Held::Own(value) => value.bits(),
    };
    let targeting_key = match ctx {
        Some(ctx) => ctx.targeting_key().to_owned(),
        None => context::with_current(|ctx| ctx.targeting_key().to_owned()),
    };
    let variant = bits.and_then(|bits| match declaration.type_name() {
        "bool" => Some(if bits == 0 { "off" } else { "on" }),
        "enum" => usize::try_from(bits).ok().and_then(|at| declaration.variants().get(at).copied()),
        _ => None,
    });
    let Outcome { reason, error_code, .. } = *outcome;
    crate::testing::recording::Evaluation { flag: declaration, targeting_key, variant, reason, error_code }
}

/// Decides by what a test puts in the place of the source.
#[cfg(feature = "testing")]
fn by_force(
    core: &FlagCore,
    forced: crate::testing::overrides::Forced,
    ctx: Option<&EvaluationContext>,
    observer: &mut impl Observer,
) -> Outcome {
    use crate::testing::overrides::Forced;
    let rule = match forced {
        Forced::Nothing => return Outcome::default(Reason::Default),
        Forced::Value(value) => return Outcome { held: Held::Own(value), reason: Reason::Override, error_code: None },
        Forced::Document(None) => {
            observer.saw(|| Step::NoDocument);
            return Outcome::default(Reason::Default);
        }
        Forced::Document(Some(Err(error))) => {
            observer.saw(|| Step::Refused { message: error.to_string() });
            return Outcome { error_code: Some(error.code()), ..Outcome::default(Reason::Error) };
        }
        Forced::Document(Some(Ok(rule))) => rule,
    };
    let Decision { is_on, reason, error_code } = by_rule(core, &rule, ctx, observer);
    let on_value = || rule.on_value().cloned().map_or(Held::Default, Held::Own);
    let held = match (is_on, core.declaration.is_switch()) {
        (_, true) => Held::Bits(is_on.into()),
        (true, false) => on_value(),
        (false, false) => Held::Default,
    };
    Outcome { held, reason, error_code }
}
