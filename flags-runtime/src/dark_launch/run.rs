//! A run: one call in which both sides run, from its beginning to its one verdict.
//!
//! A run that is dropped before it has a verdict is unfinished; so each is counted exactly once, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use super::decided::Plan;
use super::hook;
use super::record::{self, Record};
use super::result::{Ended, Observation, Parts, ShadowResult, Verdict, kind};
use super::rules::{Fault, Likeness, Rules};
use super::side::{Panic, Role, Side};
use super::stage::Stage;
#[cfg(feature = "testing")]
use super::strict::Watch;
use super::text;
use crate::context::EvaluationContext;
use crate::registry::Declaration;

pub(super) struct Run {
    pub(super) record: Arc<Record>,
    purpose: Purpose,
    context: Option<EvaluationContext>,
    sides: [Observation; 2],
    is_open: bool,
    #[cfg(feature = "testing")]
    watch: Watch,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Legacy answers, the new function is tried.
    Shadow,
    /// The new function answers, legacy is tried.
    Live,
    /// Legacy answers, and is tried once more.
    Noise,
}

/// What is compared of a side, or its panic.
pub(super) type Seen<'a, K> = Result<&'a K, &'a Panic>;

/// What a test is told of a mismatch, if it wants to fail.
pub(super) type Failure = Option<String>;

impl Purpose {
    pub(super) fn answering(self) -> Role {
        match self {
            Self::Shadow | Self::Noise => Role::Legacy,
            Self::Live => Role::Body,
        }
    }

    /// What a call does that is no run after all.
    pub(super) fn alone(self) -> Plan {
        match self {
            Self::Shadow | Self::Noise => Plan::Legacy,
            Self::Live => Plan::Body,
        }
    }
}

impl Run {
    pub(super) fn begin(
        declaration: &'static Declaration,
        purpose: Purpose,
        context: Option<EvaluationContext>,
    ) -> Self {
        let record = record::of(declaration);
        if purpose != Purpose::Noise {
            record.begin();
        }
        Self {
            #[cfg(feature = "testing")]
            watch: Watch::begin(record.flag()),
            record,
            purpose,
            context,
            sides: [Observation::NONE, Observation::NONE],
            is_open: true,
        }
    }

    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Notes what a side came to. Observed once, when both are known or when it is known that the other never will be.
    pub(super) fn observe<T>(&mut self, role: Role, side: &Side<T>, is_error: impl FnOnce(&T) -> bool) {
        let (ended, text) = match &side.outcome {
            Ok(result) if is_error(result) => (Ended::Failed, None),
            Ok(_) => (Ended::Returned, None),
            Err(panic) => (Ended::Panicked, Some(panic.message().to_owned())),
        };
        self.sides[role as usize] = Observation { ended: Some(ended), duration: Some(side.elapsed), text };
    }

    /// Ends without a comparison.
    pub(super) fn end(mut self, verdict: Verdict) {
        self.close(verdict, None, false);
    }

    /// Ends because code of users panicked that was to help.
    pub(super) fn end_faulty(mut self, fault: &Fault) {
        self.record.note_fault(&fault.to_string());
        self.close(Verdict::Unjudged, None, false);
    }

    /// Compares both sides and ends.
    pub(super) fn judge<K>(mut self, rules: &Rules<'_, K>, legacy: Seen<'_, K>, body: Seen<'_, K>) -> Failure {
        let mut faults = Vec::new();
        let likeness = match (&legacy, &body) {
            (Ok(legacy), Ok(body)) => rules.judge(legacy, body, &mut faults),
            (Err(legacy), Err(body)) if legacy.message() == body.message() => Some(Likeness::Equal),
            _ => Some(Likeness::Different),
        };
        let verdict = match likeness {
            Some(Likeness::Equal) => Verdict::Matched,
            Some(Likeness::Ignored) => Verdict::Ignored,
            Some(Likeness::Different) => Verdict::Mismatched,
            None => Verdict::Unjudged,
        };
        let is_mismatch = verdict == Verdict::Mismatched;
        if is_mismatch || hook::has_subscribers() {
            for (result, observed) in [&legacy, &body].into_iter().zip(&mut self.sides) {
                if let Ok(result) = result {
                    observed.text = Some(rules.text(result, &mut faults));
                }
            }
        }
        if let [Some(legacy), Some(body)] = self.sides.each_ref().map(|side| side.text.as_deref()) {
            let (legacy, body) = text::around_difference(legacy, body);
            self.sides[0].text = Some(legacy);
            self.sides[1].text = Some(body);
        }
        let kind = is_mismatch.then(|| {
            let field = match (&legacy, &body) {
                (Ok(legacy), Ok(body)) => rules.differing_field(legacy, body),
                _ => None,
            };
            let ended = |side: &Observation| side.ended.unwrap_or(Ended::Returned);
            kind(ended(&self.sides[0]), ended(&self.sides[1]), field)
        });
        for fault in &faults {
            self.record.note_fault(&fault.to_string());
        }
        self.close(verdict, kind, rules.show.is_clean)
    }

    fn close(&mut self, verdict: Verdict, kind: Option<String>, is_clean: bool) -> Failure {
        self.is_open = false;
        let is_noise = self.purpose == Purpose::Noise;
        let is_mismatch = verdict == Verdict::Mismatched;
        if is_noise {
            // Only what was compared tells of noise.
            if matches!(verdict, Verdict::Matched | Verdict::Mismatched) {
                self.record.end_noise(is_mismatch);
            }
        } else {
            self.record_sides();
        }
        let mut failure = None;
        if is_mismatch || hook::has_subscribers() {
            let result = self.result(verdict, kind, is_noise, is_clean);
            if is_mismatch && !is_noise {
                self.record.note_mismatch(&result);
                super::event::tell(&result);
                #[cfg(feature = "testing")]
                {
                    failure = self.watch.note(&result);
                }
            }
            hook::publish(&result);
        }
        if !is_noise {
            // Last, so that who sees the count finds the rest as well.
            self.record.end(verdict);
        }
        failure.take()
    }

    fn record_sides(&self) {
        let mut ended = [(Role::Legacy, Ended::Returned, Duration::ZERO); 2];
        let mut count = 0;
        for (role, side) in [Role::Legacy, Role::Body].into_iter().zip(&self.sides) {
            if let (Some(how), Some(duration)) = (side.ended, side.duration) {
                ended[count] = (role, how, duration);
                count += 1;
            }
        }
        self.record.observe(&ended[..count]);
    }

    fn result(&mut self, verdict: Verdict, kind: Option<String>, is_noise: bool, is_clean: bool) -> ShadowResult {
        let [legacy, body] = std::mem::replace(&mut self.sides, [Observation::NONE, Observation::NONE]);
        let stage = if self.purpose == Purpose::Live { Stage::Live } else { Stage::Shadow };
        let (flag, context) = (self.record.flag(), self.context.take());
        ShadowResult::new(Parts { flag, stage, verdict, kind, legacy, body, context, is_noise, is_clean })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.is_open {
            self.close(Verdict::Unfinished, None, false);
        }
    }
}
