//! Results: what one run of a dark launch came to, as it is published.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::stage::Stage;
use crate::context::EvaluationContext;
use crate::targeting_keys;

/// What a run came to. Every run comes to exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Both sides came to the same.
    Matched,
    /// They came to different results.
    Mismatched,
    /// They came to different results, and an `ignore` rule says that this difference does not count.
    Ignored,
    /// The trial took longer than its `timeout`; it was not compared.
    Late,
    /// The trial was not over when the answer was there, or the caller went away; it was dropped and not compared.
    Unfinished,
    /// A detached trial was not started, because too many of them were running.
    Shed,
    /// The rules themselves failed: a comparator, a `keep` or the `Clone` of an argument panicked.
    Unjudged,
    /// The trial was not run, because a panic of it would end the process (`panic = "abort"`).
    NotRun,
}

/// What one side came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Observation {
    /// How it ended; none if it did not, or was not started.
    pub ended: Option<Ended>,
    /// How long it took, if it ended: without what the other side and nested trials took in the same thread or task. Of a
    /// future from its first poll to its end, waiting included.
    pub duration: Option<Duration>,
    /// Its result as text of at most 2 KiB: by `clean`, or else by `Debug`; of a panic its message.
    pub text: Option<String>,
}

/// How a side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// It returned a value.
    Returned,
    /// It returned an `Err`.
    Failed,
    /// It panicked.
    Panicked,
}

/// One run, as hooks get it: cheap to clone, safe to send anywhere, and it does not change.
#[derive(Clone, Debug)]
pub struct ShadowResult {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    flag: &'static str,
    stage: Stage,
    verdict: Verdict,
    kind: Option<String>,
    legacy: Observation,
    body: Observation,
    context: Option<EvaluationContext>,
    at: SystemTime,
    is_noise: bool,
    is_clean: bool,
}

/// The parts of a result.
pub(super) struct Parts {
    pub(super) flag: &'static str,
    pub(super) stage: Stage,
    pub(super) verdict: Verdict,
    pub(super) kind: Option<String>,
    pub(super) legacy: Observation,
    pub(super) body: Observation,
    pub(super) context: Option<EvaluationContext>,
    pub(super) is_noise: bool,
    pub(super) is_clean: bool,
}

impl ShadowResult {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { flag, stage, verdict, kind, legacy, body, context, is_noise, is_clean } = parts;
        let at = SystemTime::now();
        Self { inner: Arc::new(Inner { flag, stage, verdict, kind, legacy, body, context, at, is_noise, is_clean }) }
    }

    /// The flag's name.
    pub fn flag(&self) -> &'static str {
        self.inner.flag
    }

    /// The stage in which it ran: [`Stage::Shadow`] if legacy answered, [`Stage::Live`] if the new function did.
    pub fn stage(&self) -> Stage {
        self.inner.stage
    }

    /// What it came to.
    pub fn verdict(&self) -> Verdict {
        self.inner.verdict
    }

    /// What kind of mismatch it is, if it is one, without anything of the values: ``values differ in `order.total` ``.
    pub fn kind(&self) -> Option<&str> {
        self.inner.kind.as_deref()
    }

    /// The legacy side. In an A/A run both sides are legacy.
    pub fn legacy(&self) -> &Observation {
        &self.inner.legacy
    }

    /// The new function's side.
    pub fn body(&self) -> &Observation {
        &self.inner.body
    }

    /// Who asked, with all groups and attributes: the way to attach anything to a run. None if nobody is known.
    pub fn context(&self) -> Option<&EvaluationContext> {
        self.inner.context.as_ref()
    }

    /// The targeting key as [`Builder::targeting_keys`](crate::Builder::targeting_keys) lets it be shown.
    pub fn targeting_key(&self) -> Option<String> {
        targeting_keys::shown(self.context()?.targeting_key())
    }

    /// When it ended, by the wall clock.
    pub fn at(&self) -> SystemTime {
        self.inner.at
    }

    /// Whether it was an A/A run: legacy against legacy, to learn how much of the mismatch is noise.
    pub fn is_noise(&self) -> bool {
        self.inner.is_noise
    }

    /// Whether the texts of results were made by `clean`, and may leave the process. Those of panics never were.
    pub fn is_clean(&self) -> bool {
        self.inner.is_clean
    }
}

impl Observation {
    pub(super) const NONE: Self = Self { ended: None, duration: None, text: None };
}

impl Verdict {
    /// All verdicts, in the order in which reports have them.
    pub const ALL: [Self; 8] = [
        Self::Matched,
        Self::Mismatched,
        Self::Ignored,
        Self::Late,
        Self::Unfinished,
        Self::Shed,
        Self::Unjudged,
        Self::NotRun,
    ];

    /// The word for it in reports and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Mismatched => "mismatched",
            Self::Ignored => "ignored",
            Self::Late => "late",
            Self::Unfinished => "unfinished",
            Self::Shed => "shed",
            Self::Unjudged => "unjudged",
            Self::NotRun => "not_run",
        }
    }
}

/// What kind of mismatch two endings are; it holds nothing of values and messages.
pub(super) fn kind(legacy: Ended, body: Ended, field: Option<String>) -> String {
    use Ended::{Failed, Panicked, Returned};
    match (legacy, body) {
        (Returned, Returned) => match field {
            Some(field) => format!("values differ in `{field}`"),
            None => "values differ".to_owned(),
        },
        (Failed, Failed) => "errors differ".to_owned(),
        (Panicked, Panicked) => "both panicked, with different messages".to_owned(),
        (legacy, body) => format!("legacy {}, body {}", legacy.as_str(), body.as_str()),
    }
}

impl Ended {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
        }
    }
}
