//! Decisions: what the flag has decided about a call, and the draw that makes the call a run.

use super::record;
use super::result::Verdict;
use super::run::{Purpose, Run};
use super::side::is_nested;
use super::stage::{LaunchValue, Stage};
use crate::context::{self, EvaluationContext};
use crate::flag::Flag;
use crate::random;
use crate::registry::Declaration;

/// What a flag has decided about a dark launch.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Decided<'a> {
    pub(super) declaration: &'static Declaration,
    pub(super) stage: Stage,
    pub(super) context: Option<&'a EvaluationContext>,
}

/// What a call does.
pub(super) enum Plan {
    Legacy,
    Body,
    /// In a box: what is no run shall not pay for moving one.
    Both(Box<Run>),
}

impl<'a> Decided<'a> {
    #[inline]
    pub(crate) fn new<T: LaunchValue>(flag: &'static Flag<T>, context: Option<&'a EvaluationContext>) -> Self {
        let value = match context {
            Some(ctx) => flag.get_for(ctx),
            None => flag.get(),
        };
        Self { declaration: flag.declaration(), stage: T::stage(value), context }
    }

    /// Whether legacy answers alone.
    #[doc(hidden)]
    #[inline]
    pub fn is_off(&self) -> bool {
        self.stage == Stage::Off
    }

    /// Begins a run, or says which side answers alone. Cheap where it does: nothing has been made for the run yet.
    #[inline]
    pub(super) fn plan(&self, sample: f64, noise: f64) -> Plan {
        match self.stage {
            Stage::Off => Plan::Legacy,
            Stage::On => Plan::Body,
            Stage::Live => self.plan_for(Purpose::Live, sample, noise),
            Stage::Shadow => self.plan_for(Purpose::Shadow, sample, noise),
        }
    }

    fn plan_for(&self, purpose: Purpose, sample: f64, noise: f64) -> Plan {
        let Self { declaration, context, .. } = *self;
        let alone = purpose.alone();
        if is_nested() || !is_sampled(declaration, sample) {
            return alone;
        }
        if cfg!(not(panic = "unwind")) {
            let record = record::of(declaration);
            record.begin();
            record.end(Verdict::NotRun);
            return alone;
        }
        let purpose = if purpose == Purpose::Shadow && is_drawn(noise) { Purpose::Noise } else { purpose };
        Plan::Both(Box::new(Run::begin(declaration, purpose, context.cloned().or_else(context::current))))
    }
}

fn is_sampled(declaration: &'static Declaration, percent: f64) -> bool {
    #[cfg(feature = "testing")]
    if super::strict::is_watched(declaration.name()) {
        return true;
    }
    let _ = declaration;
    is_drawn(percent)
}

fn is_drawn(percent: f64) -> bool {
    // NaN is in no draw.
    percent >= 100.0 || (percent > 0.0 && random::share() * 100.0 < percent)
}
