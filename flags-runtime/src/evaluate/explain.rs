//! Explanation: every step of one evaluation, in words.

use std::fmt;

use super::Observer;
use crate::details::EvaluationDetails;
use crate::rules::bucket::percent;

/// Evaluation details with every step that led to them; `Display` prints a line a step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation<V> {
    /// What `flag!(X, &ctx, details)` gives.
    pub details: EvaluationDetails<V>,
    /// The steps in their order; the last one decided.
    pub steps: Vec<Step>,
}

/// One step of an evaluation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A test forces the value on this thread.
    Forced,
    /// The override file has a document, which stands above the source's.
    OverrideFile,
    /// A provider was asked. The steps after this one are of the document, where it does not know the flag.
    #[non_exhaustive]
    Provider {
        /// its name
        name: String,
        /// whether it answers the same to everybody
        is_settled: bool,
        /// why it gave no value
        error: Option<String>,
    },
    /// The document that is there now was refused: the steps after this one go by the last good one, if there was one.
    #[non_exhaustive]
    Refused {
        /// what was wrong with it
        message: String,
    },
    /// The source has been away for longer than the flag's `on_outage` allows: the declared default.
    Outage,
    /// There is no document: the declared default.
    NoDocument,
    /// Whether the document is enabled at all.
    #[non_exhaustive]
    Enabled {
        /// the document's `enabled`
        is_enabled: bool,
    },
    /// The user list was looked at.
    #[non_exhaustive]
    AllowedUsers {
        /// the targeting key
        user: String,
        /// whether it is in the list
        is_listed: bool,
        /// how many users the list has
        listed: usize,
    },
    /// The group list was looked at.
    #[non_exhaustive]
    AllowedGroups {
        /// the first of the context's groups that is in the list
        matched: Option<String>,
        /// how many groups the list has
        listed: usize,
    },
    /// The percentage is 100 or more.
    #[non_exhaustive]
    Everybody {
        /// the document's `rollout_percentage`
        percentage: f64,
    },
    /// The percentage is 0 or less.
    #[non_exhaustive]
    Nobody {
        /// the document's `rollout_percentage`
        percentage: f64,
    },
    /// The percentage decided by the user's bucket.
    #[non_exhaustive]
    Percentage {
        /// what was hashed: `<key>:<user>`
        hashed: String,
        /// the first 8 hex digits of its SHA-256
        position: u32,
        /// the document's `rollout_percentage`
        percentage: f64,
        /// whether the bucket is below the percentage
        is_on: bool,
    },
}

impl Observer for Vec<Step> {
    fn saw(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => f.write_str("forced by a test on this thread"),
            Self::OverrideFile => f.write_str("the override file stands above the source"),
            Self::Provider { name, error: Some(error), .. } => write!(f, "provider `{name}` has no value: {error}"),
            Self::Provider { name, is_settled: true, .. } => write!(f, "provider `{name}` answers so to everybody"),
            Self::Provider { name, .. } => write!(f, "provider `{name}` decided"),
            Self::Refused { message } => {
                write!(f, "the document that is there now was refused, the last good state stays: {message}")
            }
            Self::Outage => {
                f.write_str("the source has been away for longer than `on_outage` allows: the declared default")
            }
            Self::NoDocument => f.write_str("no document: the declared default"),
            Self::Enabled { is_enabled: true } => f.write_str("enabled"),
            Self::Enabled { is_enabled: false } => f.write_str("not enabled: off for everybody"),
            Self::AllowedUsers { user, is_listed, listed } => {
                write!(f, "user `{user}` is {}in allowed_users ({listed})", if *is_listed { "" } else { "not " })
            }
            Self::AllowedGroups { matched: Some(group), listed } => {
                write!(f, "group `{group}` is in allowed_groups ({listed})")
            }
            Self::AllowedGroups { matched: None, listed } => {
                write!(f, "none of the context's groups is in allowed_groups ({listed})")
            }
            Self::Everybody { percentage } => write!(f, "rollout_percentage {percentage}: on for everybody"),
            Self::Nobody { percentage } => write!(f, "rollout_percentage {percentage}: off for everybody else"),
            Self::Percentage { hashed, position, percentage, is_on } => write!(
                f,
                "bucket of `{hashed}` is {} ({position:08x}), {} rollout_percentage {percentage}: {}",
                percent(*position),
                if *is_on { "below" } else { "not below" },
                if *is_on { "on" } else { "off" }
            ),
        }
    }
}

impl<V: fmt::Debug> fmt::Display for Explanation<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EvaluationDetails { key, value, reason, error_code, .. } = &self.details;
        write!(f, "{key} = {value:?} ({reason}")?;
        if let Some(code) = error_code {
            write!(f, ", {code}")?;
        }
        f.write_str(")")?;
        self.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}
