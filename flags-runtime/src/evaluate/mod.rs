//! Evaluation: the decision for one context, as a pure function of targeting and context.
//!
//! No globals, clock, I/O or logging; no allocation. An observer sees every step, which is how `explain` shares
//! this code; the observer that looks at nothing compiles to nothing.

mod explain;

pub use explain::{Explanation, Step};

use crate::context::EvaluationContext;
use crate::details::{ErrorCode, Reason};
use crate::rules::bucket::position;
use crate::rules::targeting::{Rollout, Targeting};

/// Whether a flag is on for a context, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// On: the document's value (true for a bool). Off: the declared default (false for a bool).
    /// Without a document neither: see `reason`.
    pub is_on: bool,
    /// Which step decided. [`Reason::Default`] means that there is no document.
    pub reason: Reason,
    /// [`ErrorCode::TargetingKeyMissing`] if the targeting key mattered and is empty.
    pub error_code: Option<ErrorCode>,
}

/// Sees the steps of an evaluation in their order.
pub(crate) trait Observer {
    /// Whether it looks at all.
    const LOOKS: bool = true;
    fn saw(&mut self, step: impl FnOnce() -> Step);
}

impl Observer for () {
    const LOOKS: bool = false;
    fn saw(&mut self, _: impl FnOnce() -> Step) {}
}

/// Decides one flag for one context; `key` is what is hashed.
///
/// The steps and their order are a contract with other languages (docs/FORMAT.md): document, enabled, users, groups,
/// all or nothing, percentage; the first match wins.
pub fn evaluate(key: &str, targeting: Option<&Targeting>, ctx: &EvaluationContext) -> Decision {
    evaluate_observed(key, targeting, ctx, &mut ())
}

/// The same, with every step that led to it.
///
/// ```
/// use flags_runtime::EvaluationContext;
/// use flags_runtime::evaluate::evaluate_explained;
/// use flags_runtime::rules::{Document, Targeting};
///
/// let document = Document::parse(br#"{"enabled":true,"allowed_groups":["beta"]}"#)?;
/// let ctx = EvaluationContext::new("user-42").group("beta");
/// let (decision, steps) = evaluate_explained("x", Some(&Targeting::compile(&document)), &ctx);
/// assert!(decision.is_on);
/// assert_eq!(steps.last().unwrap().to_string(), "group `beta` is in allowed_groups (1)");
/// # Ok::<(), flags_runtime::rules::DocumentError>(())
/// ```
pub fn evaluate_explained(key: &str, targeting: Option<&Targeting>, ctx: &EvaluationContext) -> (Decision, Vec<Step>) {
    let mut steps = Vec::new();
    let decision = evaluate_observed(key, targeting, ctx, &mut steps);
    (decision, steps)
}

#[inline]
pub(crate) fn evaluate_observed(
    key: &str,
    targeting: Option<&Targeting>,
    ctx: &EvaluationContext,
    observer: &mut impl Observer,
) -> Decision {
    let decided = |is_on, reason| Decision { is_on, reason, error_code: None };
    let Some(targeting) = targeting else {
        observer.saw(|| Step::NoDocument);
        return decided(false, Reason::Default);
    };
    observer.saw(|| Step::Enabled { is_enabled: targeting.is_enabled });
    if !targeting.is_enabled {
        return decided(false, Reason::Disabled);
    }
    let user = ctx.targeting_key();
    if !targeting.users.is_empty() {
        let is_listed = targeting.users.contains(user);
        observer.saw(|| Step::AllowedUsers { user: user.to_owned(), is_listed, listed: targeting.users.len() });
        if is_listed {
            return decided(true, Reason::TargetingMatch);
        }
    }
    if !targeting.groups.is_empty() {
        let matched = ctx.all_groups().iter().find(|group| targeting.groups.contains(group.as_str()));
        observer.saw(|| Step::AllowedGroups { matched: matched.cloned(), listed: targeting.groups.len() });
        if matched.is_some() {
            return decided(true, Reason::TargetingMatch);
        }
    }
    let percentage = targeting.percentage;
    let (is_on, reason) = match targeting.rollout {
        Rollout::Everybody => {
            observer.saw(|| Step::Everybody { percentage });
            return decided(true, Reason::Static);
        }
        Rollout::Nobody => {
            observer.saw(|| Step::Nobody { percentage });
            (false, Reason::Static)
        }
        Rollout::Below(threshold) => {
            let position = position(key, user);
            let is_on = threshold.admits(position);
            observer.saw(|| Step::Percentage { hashed: format!("{key}:{user}"), position, percentage, is_on });
            (is_on, Reason::Split)
        }
    };
    let key_mattered = reason == Reason::Split || !targeting.users.is_empty();
    let error_code = (user.is_empty() && key_mattered).then_some(ErrorCode::TargetingKeyMissing);
    Decision { is_on, reason, error_code }
}
