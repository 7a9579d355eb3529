//! Status: what the library knows and how fresh it is. Filled in by the synchronizers, read by people and health checks.

mod board;

use std::fmt;
use std::time::Duration;

pub(crate) use self::board::{BOARD, Health};
use crate::provider::{ProviderState, ProviderStatus};
use crate::registry::registry;
use crate::rules::DocumentError;
use crate::rules::rule::Origin;
use crate::source::Mode;
use crate::store;

/// A snapshot of what the library knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The source; none if there is none, or before start.
    pub source: Option<SourceStatus>,
    /// The override file; none if there is none.
    pub override_file: Option<SourceStatus>,
    /// The providers, in the order in which they were given.
    pub providers: Vec<ProviderStatus>,
    /// Names of flags whose document in the source is in force, or would be but for the override file.
    pub good: Vec<&'static str>,
    /// Documents that were refused; their flags stay at the last good state.
    pub refused: Vec<RefusedDocument>,
    /// Names of flags without a document in the source; unless overridden they answer their declared default. Those that a
    /// provider decides are not among them.
    pub missing: Vec<&'static str>,
    /// Names of flags that the override file answers.
    pub overridden: Vec<&'static str>,
    /// Names of flags that answer their declared default since the source has been away for too long (`on_outage`); empty
    /// while it is not.
    pub outage: Vec<&'static str>,
    /// Flags whose percentage or list was decided for an empty targeting key.
    pub missing_keys: Vec<MissingKey>,
    /// Names of flags that nobody has read since start; empty unless `builder().track_reads()`.
    pub unread: Vec<&'static str>,
}

/// A document that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedDocument {
    /// The flag's name.
    pub flag: &'static str,
    /// Whether it stands in the override file, not in the source.
    pub is_override: bool,
    /// What is wrong with it.
    pub error: DocumentError,
}

/// A flag that was decided without knowing for whom: somewhere the context is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingKey {
    /// The flag's name.
    pub flag: &'static str,
    /// How often, since the process started.
    pub count: u64,
}

/// How one source is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceStatus {
    /// Where its documents come from; never a password.
    pub description: String,
    /// Where it stands.
    pub state: SourceState,
    /// How changes reach us; none before the first contact.
    pub mode: Option<Mode>,
    /// Why changes are only polled where they could be pushed.
    pub polling_reason: Option<String>,
    /// What somebody should know although the source answers: for example that it may be out of date itself.
    pub trouble: Option<String>,
    /// Keys of documents that belong to no flag of this program, as far as the source sees them (a file does).
    pub unknown: Vec<String>,
    /// Time since the last sign of life: an answer, or a wait for pushes on a connection that is known to live; none before
    /// the first.
    pub age: Option<Duration>,
    /// Names of flags whose documents vanished together and are held at the last good state.
    pub held: Vec<&'static str>,
    /// How long they still are, unless they come back; none if there are none.
    pub held_for: Option<Duration>,
    /// The age of the snapshot, if that is in force since there was no answer yet.
    pub snapshot_age: Option<Duration>,
    /// The last error, also after recovery.
    pub last_error: Option<String>,
    /// How often its thread died and was started again.
    pub restarts: u32,
}

/// What is ready, as `wait_ready` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// All that is configured has answered: live documents.
    Live,
    /// The source does not answer: the documents of the snapshot are in force.
    Snapshot,
    /// There is no source: declared defaults, and the override file if there is one.
    NoSource,
}

/// Where a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceState {
    /// No answer yet: declared defaults.
    Connecting,
    /// The last contact was good.
    Live,
    /// Contact is lost: the last decisions stay.
    Lost,
    /// Stopped: the last decisions stay.
    Stopped,
}

/// The status now. Costs a look at every flag; meant for health checks, not for each request.
pub fn status() -> Status {
    let (source, override_file, providers) = {
        let board = BOARD.lock();
        let shown = |health: &Option<Health>| health.as_ref().map(Health::shown);
        (shown(&board.source), shown(&board.override_file), board.providers.clone())
    };
    let mut status = Status {
        source,
        override_file,
        providers: providers.iter().map(|provider| provider.status()).collect(),
        good: Vec::new(),
        refused: Vec::new(),
        missing: Vec::new(),
        overridden: Vec::new(),
        outage: Vec::new(),
        missing_keys: Vec::new(),
        unread: Vec::new(),
    };
    for store::InForce { name, last, is_overridden, is_outage, is_provided, refused, is_unread, .. } in
        store::in_force()
    {
        let is_refused = refused.iter().any(|(origin, _)| *origin == Origin::Source);
        match (last.is_some(), is_refused) {
            (false, _) if is_provided => {}
            (false, _) => status.missing.push(name),
            (true, false) => status.good.push(name),
            (true, true) => {}
        }
        if is_overridden {
            status.overridden.push(name);
        }
        if is_outage {
            status.outage.push(name);
        }
        if is_unread {
            status.unread.push(name);
        }
        let refused = refused.into_iter();
        status.refused.extend(refused.map(|(origin, error)| RefusedDocument {
            flag: name,
            is_override: origin == Origin::OverrideFile,
            error,
        }));
    }
    for flag in registry().flags() {
        let name = flag.declaration().name();
        let count = flag.missing_keys();
        if count > 0 {
            status.missing_keys.push(MissingKey { flag: name, count });
        }
    }
    status
}

impl Status {
    /// Whether everything that was configured is live.
    pub fn is_live(&self) -> bool {
        let providers = self.providers.iter().all(|provider| provider.state == ProviderState::Ready);
        providers
            && [&self.source, &self.override_file].into_iter().flatten().all(|source| source.state == SourceState::Live)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match registry().flags().len() {
            1 => f.write_str("1 flag, ")?,
            flags => write!(f, "{flags} flags, ")?,
        }
        match &self.source {
            None if !self.providers.is_empty() => f.write_str("no source")?,
            None => f.write_str("no source: declared defaults")?,
            Some(source) => {
                match self.good.len() + self.refused.iter().filter(|refused| !refused.is_override).count() {
                    1 => write!(f, "{source}, 1 document")?,
                    documents => write!(f, "{source}, {documents} documents")?,
                }
            }
        }
        for provider in &self.providers {
            write!(f, ", provider {provider}")?;
            match provider.flags.len() {
                1 => f.write_str(" for 1 flag")?,
                flags => write!(f, " for {flags} flags")?,
            }
        }
        if let Some(file) = &self.override_file {
            write!(f, ", override {file}")?;
        }
        if self.source.is_some() && !self.missing.is_empty() {
            write!(f, ", missing {}", self.missing.join(", "))?;
        }
        if !self.overridden.is_empty() {
            write!(f, ", overridden {}", self.overridden.join(", "))?;
        }
        if !self.outage.is_empty() {
            write!(f, ", away for too long for {}", self.outage.join(", "))?;
        }
        if !self.refused.is_empty() {
            let names: Vec<_> = self.refused.iter().map(|refused| refused.flag).collect();
            write!(f, ", refused {}", names.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for SourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)?;
        match (self.state, self.mode) {
            (SourceState::Live, Some(Mode::Push)) => f.write_str(" (push")?,
            (SourceState::Live, _) => match &self.polling_reason {
                Some(reason) => write!(f, " (polling: {reason}")?,
                None => f.write_str(" (polling")?,
            },
            (SourceState::Connecting, _) => f.write_str(" (not reached yet")?,
            (SourceState::Stopped, _) => f.write_str(" (stopped")?,
            (SourceState::Lost, _) => match self.age {
                Some(age) => write!(f, " (lost; data of {} s ago", age.as_secs())?,
                None => f.write_str(" (lost")?,
            },
        }
        if let Some(age) = self.snapshot_age {
            write!(f, "; snapshot of {} s ago", age.as_secs())?;
        }
        if let Some(left) = self.held_for {
            write!(f, "; held for {} s: {}", left.as_secs(), self.held.join(", "))?;
        }
        if let Some(trouble) = self.trouble.as_ref().filter(|_| self.state == SourceState::Live) {
            write!(f, "; {trouble}")?;
        }
        f.write_str(")")
    }
}
