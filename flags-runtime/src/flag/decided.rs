//! The decision: what a slow read answers, in the order of who stands above whom.
//!
//! Forced in a test > override file > provider > document > declared default. The same for every flag type, so it is compiled once,
//! in this crate. Within a view each flag has one answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::context::{self, EvaluationContext};
use crate::details::{ErrorCode, Reason};
use crate::evaluate::{Decision, Observer, Step, evaluate_observed};
use crate::provider::{Answer, Provided};
use crate::registry::declaration::FlagCore;
use crate::rules::DocumentError;
use crate::rules::rule::{Origin, Published, Rule};
use crate::store;
use crate::types::{Held, Loaded};
use crate::value::CompiledValue;
use crate::view::{self, Remembered, RememberedValue};

/// A decision together with what its value is borrowed from.
pub(super) struct Outcome {
    pub(super) held: Held,
    pub(super) reason: Reason,
    pub(super) error_code: Option<ErrorCode>,
    pub(super) told: Told,
}

/// What details tell beyond that.
pub(super) enum Told {
    Nothing,
    /// A document was refused: by what is published.
    Refused(Loaded),
    /// By a provider.
    Answer(Arc<Answer>),
}

impl Outcome {
    pub(super) fn default(reason: Reason) -> Self {
        Self { held: Held::Default, reason, error_code: None, told: Told::Nothing }
    }

    fn of(held: Held, reason: Reason, error_code: Option<ErrorCode>) -> Self {
        Self { held, reason, error_code, told: Told::Nothing }
    }
}

/// What was answered before in this view: the short way, which most slow reads of a request take.
#[inline]
pub(super) fn recalled(core: &'static FlagCore, ctx: Option<&EvaluationContext>) -> Option<u64> {
    view::recall(core.address(), since(core), ctx)?.value.bits()
}

/// The bits that the rule answers, where nothing else has a say: no provider, and nothing earlier that views go by.
pub(super) fn by_rule_alone(core: &'static FlagCore, ctx: Option<&EvaluationContext>) -> Option<u64> {
    let since = since(core);
    let published = core.published.load();
    let current = published.as_ref()?;
    let answer = answer_of(core, current, current.rule_alone()?, ctx, &mut ());
    view::remember(core.address(), since, ctx, answer);
    answer.value.bits()
}

/// Since when what is published of a flag is in force; loaded before that.
#[inline]
fn since(core: &FlagCore) -> u64 {
    // Relaxed: as late as a settled read may be. Whoever has met what is published is behind its store.
    core.since.load(Ordering::Relaxed)
}

/// The slow read.
pub(super) fn decide(core: &'static FlagCore, ctx: Option<&EvaluationContext>) -> Held {
    outcome(core, ctx, &mut ()).held
}

/// Decides without the cell.
pub(super) fn outcome<O: Observer>(
    core: &'static FlagCore,
    ctx: Option<&EvaluationContext>,
    observer: &mut O,
) -> Outcome {
    let outcome = decided(core, ctx, observer);
    #[cfg(feature = "testing")]
    crate::testing::overrides::note(core, || evaluation(core, ctx, &outcome));
    outcome
}

/// Decides by what a test forces, else by what is published.
fn decided<O: Observer>(core: &'static FlagCore, ctx: Option<&EvaluationContext>, observer: &mut O) -> Outcome {
    #[cfg(feature = "testing")]
    crate::testing::overrides::arm();
    core.settle_first();
    let is_noticed = store::note_read(core);
    #[cfg(feature = "testing")]
    if let Some(forced) = crate::testing::overrides::forced(core) {
        observer.saw(|| Step::Forced);
        return by_force(core, forced, ctx, observer);
    }
    let since = since(core);
    if !O::LOOKS
        && let Some(remembered) = remembered(core, since, ctx)
    {
        return remembered;
    }
    let published = in_force(core);
    let Some(current) = published.as_ref().filter(|current| current.is_something()) else {
        observer.saw(|| Step::NoDocument);
        return Outcome::default(Reason::Default);
    };
    let mut is_unknown = false;
    if let Some(provided) = &current.provided {
        let answer = by_provider(core, provided, ctx, is_noticed);
        observer.saw(|| Step::Provider {
            name: provided.asked.provider().to_owned(),
            is_settled: provided.settled.is_some(),
            error: answer.error_message.clone(),
        });
        if !answer.is_not_found() || !current.has_document() {
            return by_answer(answer, published);
        }
        is_unknown = true;
    }
    if current.is_outage {
        observer.saw(|| Step::Outage);
        let error_code = Some(ErrorCode::ProviderNotReady);
        return Outcome { error_code, ..Outcome::default(Reason::Default) };
    }
    if current.origin == Origin::OverrideFile {
        observer.saw(|| Step::OverrideFile);
    }
    if let Some(error) = &current.refused {
        observer.saw(|| Step::Refused { message: error.to_string() });
    }
    let Some(rule) = &current.rule else {
        let error_code = current.refused.as_ref().map(DocumentError::code);
        return Outcome { error_code, told: Told::Refused(published), ..Outcome::default(Reason::Error) };
    };
    let answer = answer_of(core, current, rule, ctx, observer);
    // A provider may come to know the flag without anything being published.
    if !is_unknown {
        view::remember(core.address(), since, ctx, answer);
    }
    let Remembered { value, reason, error_code } = answer;
    Outcome::of(held(value, published), reason, error_code)
}

/// A value, with what it is borrowed from.
#[inline]
fn held(value: RememberedValue, published: Loaded) -> Held {
    match value {
        RememberedValue::Default => Held::Default,
        RememberedValue::Bits(bits) => Held::Bits(bits),
        RememberedValue::OfRule(_) => Held::Rule(published),
    }
}

/// What a provider says of a flag: to everybody, before in this view, or now.
fn by_provider(core: &FlagCore, provided: &Provided, ctx: Option<&EvaluationContext>, is_noticed: bool) -> Arc<Answer> {
    let asked = &provided.asked;
    // The ambient context is not lent: a provider is users' code, and may enter a scope of its own.
    let ctx = ctx.cloned().or_else(context::current).unwrap_or_default();
    if let Some(answer) = &provided.settled {
        if is_noticed {
            asked.tell_of_read(&ctx);
        }
        return Arc::clone(answer);
    }
    let answer = view::answered_here(core.address(), &ctx, || asked.answer(&ctx));
    if answer.error_code == Some(ErrorCode::TargetingKeyMissing) {
        core.missing_keys.fetch_add(1, Ordering::Relaxed);
    }
    answer
}

/// The outcome of an answer; a settled value is borrowed from where it is published.
fn by_answer(answer: Arc<Answer>, published: Loaded) -> Outcome {
    let is_published = published.as_ref().and_then(|published| published.settled_answer()).is_some();
    let held = match &answer.value {
        None => Held::Default,
        Some(CompiledValue::Bits(bits)) => Held::Bits(*bits),
        Some(_) if is_published => Held::Rule(published),
        Some(value) => Held::Own(value.clone()),
    };
    Outcome { held, reason: answer.reason, error_code: answer.error_code, told: Told::Answer(answer) }
}

/// What is in force of a flag: now, or within the view that the reader has.
#[inline]
pub(super) fn in_force(core: &FlagCore) -> Loaded {
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
fn remembered(core: &FlagCore, since: u64, ctx: Option<&EvaluationContext>) -> Option<Outcome> {
    let Remembered { value, reason, error_code } = view::recall(core.address(), since, ctx)?;
    let held = match value {
        RememberedValue::Default => Held::Default,
        RememberedValue::Bits(bits) => Held::Bits(bits),
        RememberedValue::OfRule(address) => {
            let published = core.published.load();
            let is_it = published.as_ref()?.rule.as_ref().is_some_and(|rule| rule_address(rule) == address);
            // It may have been replaced meanwhile, and another rule lie there now.
            (is_it && self::since(core) == since).then_some(Held::Rule(published))?
        }
    };
    Some(Outcome::of(held, reason, error_code))
}

/// What the rule that is published answers, and why.
#[inline]
fn answer_of(
    core: &FlagCore,
    current: &Published,
    rule: &Arc<Rule>,
    ctx: Option<&EvaluationContext>,
    observer: &mut impl Observer,
) -> Remembered {
    let Decision { is_on, reason, error_code } = by_rule(core, rule, ctx, observer);
    let value = match (is_on, core.declaration.is_switch(), rule.on_value()) {
        (_, true, _) => RememberedValue::Bits(is_on.into()),
        (true, false, Some(CompiledValue::Bits(bits))) => RememberedValue::Bits(*bits),
        (true, false, Some(CompiledValue::Text(_) | CompiledValue::Json(_))) => {
            RememberedValue::OfRule(rule_address(rule))
        }
        // One that panicked is made anew by each reader.
        (true, false, None) | (false, false, _) => {
            core.known_default_bits().map_or(RememberedValue::Default, RememberedValue::Bits)
        }
    };
    let reason = if current.origin == Origin::OverrideFile { Reason::Override } else { reason };
    Remembered { value, reason, error_code }
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
        Forced::Value(value) => return Outcome::of(Held::Own(value), Reason::Override, None),
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
    Outcome::of(held, reason, error_code)
}
