//! Finding: one thing that is wrong with one flag, where, since when, and what to do.

use serde::Serialize;

use super::kind::Kind;
use crate::report::visible;

/// One finding, as it is written in JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    #[serde(serialize_with = "word")]
    pub(crate) kind: Kind,
    /// The flag's name; of a document that no flag reads its key.
    pub(crate) flag: String,
    /// The key of its document, without prefix.
    pub(crate) key: String,
    pub(crate) owner: Option<String>,
    /// None for a document that no flag reads.
    pub(crate) package: Option<String>,
    pub(crate) declared: Vec<Place>,
    pub(crate) call_sites: Vec<Place>,
    /// Its last day, if it has one.
    pub(crate) expires: Option<String>,
    /// How many days ago the flag was declared, where that is known.
    pub(crate) age_days: Option<i64>,
    /// Since when it is fully on or off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Since>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) fix: String,
    /// Whether the baseline has it.
    pub(crate) is_known: bool,
    /// Whether --deny has its kind, and the baseline has it not.
    pub(crate) is_denied: bool,
}

/// A place in the sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

/// Since when something is so.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Since {
    pub(crate) date: Option<String>,
    pub(crate) certainty: Certainty,
}

/// How well it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Certainty {
    /// The audit trail has the write.
    Exact,
    /// At the latest since then: a process saw it, or the trail does not go back further.
    Observed,
    /// Nobody knows.
    Unknown,
}

impl Finding {
    /// What tells it from others, in a baseline.
    pub(crate) fn line(&self) -> String {
        // A key may hold anything, a line feed too.
        format!("{} {}", self.kind, visible(&self.flag).trim())
    }

    /// Where it is told: at the declaration, else at the first read.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.declared.first().or(self.call_sites.first())
    }
}

impl Place {
    pub(crate) fn text(&self) -> String {
        crate::artifact::place(Some(&self.file), self.line, self.column).unwrap_or_default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "how serde calls it")]
fn word<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.word())
}
