//! Recording: what was asked of flags in a scope, and what they answered.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::overrides::{self, Overrides};
use crate::details::{ErrorCode, Reason};
use crate::flag::Flag;
use crate::registry::Declaration;
use crate::types::FlagValue;

/// One answer of a flag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// What was declared.
    pub flag: &'static Declaration,
    /// The targeting key that it was asked for; empty if nobody is known.
    pub targeting_key: String,
    /// `on` or `off` of a bool, the name of an enum's variant; none of other types.
    pub variant: Option<&'static str>,
    /// Why.
    pub reason: Reason,
    /// What was missing or wrong.
    pub error_code: Option<ErrorCode>,
}

/// The answers of all flags in a scope, in their order: those of its threads and tasks, and of what was carried from there.
///
/// ```
/// use flags_runtime::testing::Recording;
/// use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};
///
/// #[feature_flag(name = "recording_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # fn main() {
/// let recording = Recording::new();
/// recording.overrides().force(&EXAMPLE, true).scope(|| flag!(EXAMPLE, &EvaluationContext::new("ada")));
/// let [answer] = &recording.of(&EXAMPLE)[..] else { panic!("asked once") };
/// assert_eq!((answer.variant, &*answer.targeting_key), (Some("on"), "ada"));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recording {
    evaluations: Arc<Mutex<Vec<Evaluation>>>,
    /// Only the first answer of each flag is kept: a test may ask a million times.
    is_brief: bool,
}

impl Recording {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that keeps the first answer of each flag.
    #[doc(hidden)]
    pub fn brief() -> Self {
        Self { is_brief: true, ..Self::default() }
    }

    /// The scope that is recorded, to which values may be added. Answers in scopes within it are recorded, too.
    pub fn overrides(&self) -> Overrides {
        Overrides::new().recorded(self.clone())
    }

    /// All answers so far.
    pub fn evaluations(&self) -> Vec<Evaluation> {
        self.lock().clone()
    }

    /// Those of one flag.
    pub fn of<T: FlagValue>(&self, flag: &'static Flag<T>) -> Vec<Evaluation> {
        let name = flag.declaration().name();
        self.evaluations().into_iter().filter(|evaluation| evaluation.flag.name() == name).collect()
    }

    pub(super) fn note(&self, evaluation: Evaluation) {
        let mut evaluations = self.lock();
        let name = evaluation.flag.name();
        if !self.is_brief || evaluations.iter().all(|known| known.flag.name() != name) {
            evaluations.push(evaluation);
        }
    }

    /// The same without those that stand there twice.
    pub(super) fn each_once(recordings: Vec<Self>) -> Vec<Self> {
        let mut once: Vec<Self> = Vec::new();
        for recording in recordings {
            if !once.iter().any(|known| Arc::ptr_eq(&known.evaluations, &recording.evaluations)) {
                once.push(recording);
            }
        }
        once
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Evaluation>> {
        self.evaluations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asserts that a flag was asked in this test: one with `#[flags_runtime::test]`, or within the scope of a [`Recording`].
///
/// A test that forces a flag which the code no longer asks proves nothing.
///
/// # Panics
///
/// If it was not; the message names the flags that were. And where nothing is recorded.
#[track_caller]
pub fn assert_evaluated<T: FlagValue>(flag: &'static Flag<T>) {
    let name = flag.declaration().name();
    // The outermost has heard of everything.
    let Some(recording) = overrides::recordings().into_iter().next() else {
        panic!(
            "nothing records here whether `{name}` was evaluated: write `#[flags_runtime::test(..)]`, or a `Recording`"
        );
    };
    if recording.of(flag).is_empty() {
        let mut seen = String::new();
        let names: std::collections::BTreeSet<_> =
            recording.evaluations().iter().map(|evaluation| evaluation.flag.name()).collect();
        for name in names {
            let _ = write!(seen, " `{name}`");
        }
        let seen = if seen.is_empty() { "no flag was".to_owned() } else { format!("these were:{seen}") };
        panic!("the flag `{name}` was not evaluated in this test; {seen}");
    }
}
