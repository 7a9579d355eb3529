//! Targeting: the compiled form of a document's switches, lists and percentage. Knows no flag type and no value.

use super::bucket::Threshold;
use super::document::Document;
use super::names::Names;

/// Who is on, compiled once so that a decision neither allocates nor parses.
#[derive(Clone, Debug)]
pub struct Targeting {
    pub(crate) is_enabled: bool,
    pub(crate) users: Names,
    pub(crate) groups: Names,
    pub(crate) rollout: Rollout,
    /// As written in the document; only `explain` reads it.
    pub(crate) percentage: f64,
}

/// The percentage, compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    Everybody,
    Nobody,
    Below(Threshold),
}

impl Targeting {
    /// Compiles a document; never fails, since a document that parsed is valid.
    pub fn compile(document: &Document<'_>) -> Self {
        Self {
            is_enabled: document.enabled,
            users: Names::of(&document.allowed_users),
            groups: Names::of(&document.allowed_groups),
            rollout: Rollout::of(document.rollout_percentage),
            percentage: document.rollout_percentage,
        }
    }

    /// The decision, if it is the same for every context.
    #[inline]
    pub(crate) fn answer_for_everybody(&self) -> Option<bool> {
        if !self.is_enabled {
            return Some(false);
        }
        match self.rollout {
            Rollout::Everybody => Some(true),
            Rollout::Nobody if self.users.is_empty() && self.groups.is_empty() => Some(false),
            Rollout::Nobody | Rollout::Below(_) => None,
        }
    }
}

impl Rollout {
    fn of(percentage: f64) -> Self {
        if percentage >= 100.0 {
            Self::Everybody
        } else if percentage <= 0.0 {
            Self::Nobody
        } else {
            Self::Below(Threshold::of(percentage))
        }
    }
}
