//! Status: what the library knows and how fresh it is. Filled in by the synchronizers, read by people and health checks.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use crate::error::NotReady;
use crate::registry::registry;
use crate::rules::DocumentError;
use crate::rules::rule::Origin;
use crate::source::Mode;
use crate::store::{self, Generation};

/// A snapshot of what the library knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The source; none if there is none, or before start.
    pub source: Option<SourceStatus>,
    /// The override file; none if there is none.
    pub override_file: Option<SourceStatus>,
    /// Names of flags whose document in the source is in force, or would be but for the override file.
    pub good: Vec<&'static str>,
    /// Documents that were refused; their flags stay at the last good state.
    pub refused: Vec<RefusedDocument>,
    /// Names of flags without a document in the source; unless overridden they answer their declared default.
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
    /// Time since the last successful answer; none before the first.
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
    let (source, override_file) = {
        let board = BOARD.lock();
        (board.source.as_ref().map(Health::shown), board.override_file.as_ref().map(Health::shown))
    };
    let mut status = Status {
        source,
        override_file,
        good: Vec::new(),
        refused: Vec::new(),
        missing: Vec::new(),
        overridden: Vec::new(),
        outage: Vec::new(),
        missing_keys: Vec::new(),
        unread: Vec::new(),
    };
    for store::InForce { name, has_document, is_overridden, is_outage, refused, is_unread, .. } in store::in_force() {
        let is_refused = refused.iter().any(|(origin, _)| *origin == Origin::Source);
        match (has_document, is_refused) {
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
        let count = flag.cores().iter().map(|core| core.missing_keys.load(Ordering::Relaxed)).sum();
        if count > 0 {
            status.missing_keys.push(MissingKey { flag: name, count });
        }
    }
    status
}

impl Status {
    /// Whether everything that was configured is live.
    pub fn is_live(&self) -> bool {
        [&self.source, &self.override_file].into_iter().flatten().all(|source| source.state == SourceState::Live)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match registry().flags().len() {
            1 => f.write_str("1 flag, ")?,
            flags => write!(f, "{flags} flags, ")?,
        }
        match &self.source {
            None => f.write_str("no source: declared defaults")?,
            Some(source) => match registry().flags().len() - self.missing.len() {
                1 => write!(f, "{source}, 1 document")?,
                documents => write!(f, "{source}, {documents} documents")?,
            },
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

/// What the synchronizers write down.
pub(crate) static BOARD: Board = Board {
    state: Mutex::new(BoardState { generation: None, source: None, override_file: None, wakers: Vec::new() }),
    changed: Condvar::new(),
};

pub(crate) struct Board {
    state: Mutex<BoardState>,
    changed: Condvar,
}

struct BoardState {
    generation: Option<Generation>,
    source: Option<Health>,
    override_file: Option<Health>,
    wakers: Vec<Waker>,
}

/// One source's health.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) description: String,
    pub(crate) state: SourceState,
    pub(crate) mode: Option<Mode>,
    pub(crate) polling_reason: Option<String>,
    pub(crate) trouble: Option<String>,
    pub(crate) unknown: Vec<String>,
    pub(crate) last_contact: Option<Instant>,
    /// Held flags, and until when.
    pub(crate) held: Option<(Vec<&'static str>, Instant)>,
    /// When the snapshot was made that is in force.
    pub(crate) snapshot_at: Option<SystemTime>,
    pub(crate) last_error: Option<String>,
    pub(crate) restarts: u32,
}

impl Health {
    pub(crate) fn new(description: String) -> Self {
        Self {
            description,
            state: SourceState::Connecting,
            mode: None,
            polling_reason: None,
            trouble: None,
            unknown: Vec::new(),
            last_contact: None,
            held: None,
            snapshot_at: None,
            last_error: None,
            restarts: 0,
        }
    }

    fn shown(&self) -> SourceStatus {
        SourceStatus {
            description: self.description.clone(),
            state: self.state,
            mode: self.mode,
            polling_reason: self.polling_reason.clone(),
            trouble: self.trouble.clone(),
            unknown: self.unknown.clone(),
            age: self.last_contact.map(|at| at.elapsed()),
            held: self.held.as_ref().map(|(flags, _)| flags.clone()).unwrap_or_default(),
            held_for: self.held.as_ref().map(|(_, until)| until.saturating_duration_since(Instant::now())),
            snapshot_age: self.snapshot_at.map(|at| at.elapsed().unwrap_or_default()),
            last_error: self.last_error.clone(),
            restarts: self.restarts,
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a new page: nothing of an earlier start is left, and what its threads still say is not written down.
    pub(crate) fn begin(&self, generation: Generation) {
        let mut board = self.lock();
        board.generation = Some(generation);
        (board.source, board.override_file) = (None, None);
    }

    /// Where the source stands; none if there is none.
    #[cfg(feature = "admin")]
    pub(crate) fn source_state(&self) -> Option<SourceState> {
        self.lock().source.as_ref().map(|health| health.state)
    }

    pub(crate) fn put(&self, origin: Origin, health: Health) {
        *self.lock().slot(origin) = Some(health);
    }

    /// Writes something down, and wakes who waits for it; none if that start is over.
    pub(crate) fn note<R>(
        &self,
        generation: Generation,
        origin: Origin,
        change: impl FnOnce(&mut Health) -> R,
    ) -> Option<R> {
        let mut board = self.lock();
        if board.generation != Some(generation) {
            return None;
        }
        let noted = board.slot(origin).as_mut().map(change);
        let wakers = std::mem::take(&mut board.wakers);
        drop(board);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        noted
    }

    /// Waits until all that was configured has answered.
    pub(crate) fn wait_ready(&self, timeout: Duration) -> Result<Readiness, NotReady> {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |board| board.verdict().is_none());
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        board.verdict().unwrap_or_else(|| Err(board.not_ready()))
    }

    /// The same for async code: needs no runtime, has no timeout of its own.
    pub(crate) async fn ready(&self) -> Result<Readiness, NotReady> {
        poll_fn(|cx| {
            let mut board = self.lock();
            let verdict = board.verdict();
            if verdict.is_none() && !board.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                board.wakers.push(cx.waker().clone());
            }
            verdict.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl BoardState {
    fn slot(&mut self, origin: Origin) -> &mut Option<Health> {
        match origin {
            Origin::Source => &mut self.source,
            Origin::OverrideFile => &mut self.override_file,
        }
    }

    /// Ready, never ready, or (none) not known yet.
    fn verdict(&self) -> Option<Result<Readiness, NotReady>> {
        let all = || [&self.source, &self.override_file].into_iter().flatten();
        if all().any(|health| health.state == SourceState::Stopped) {
            return Some(Err(NotReady { message: "the flag source was stopped".to_owned() }));
        }
        let is_live = |health: &Option<Health>| health.as_ref().is_none_or(|health| health.state == SourceState::Live);
        let has_snapshot = |source: &Health| source.state == SourceState::Lost && source.snapshot_at.is_some();
        if self.source.as_ref().is_some_and(has_snapshot) && is_live(&self.override_file) {
            return Some(Ok(Readiness::Snapshot));
        }
        let readiness = if self.source.is_some() { Readiness::Live } else { Readiness::NoSource };
        all().all(|health| health.state == SourceState::Live).then_some(Ok(readiness))
    }

    fn not_ready(&self) -> NotReady {
        let waiting = [&self.source, &self.override_file].into_iter().flatten();
        let waiting = waiting.filter(|health| health.state != SourceState::Live).map(|health| {
            let error = health.last_error.as_deref().unwrap_or("no answer yet");
            format!("{}: {error}", health.description)
        });
        NotReady { message: format!("no live flag documents in time ({})", waiting.collect::<Vec<_>>().join("; ")) }
    }
}
