//! Board: what the synchronizers write down of their sources, and who waits to read it.

use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use super::{Readiness, SourceState, SourceStatus};
use crate::error::NotReady;
use crate::provider::{Attached, ProviderState};
use crate::rules::rule::Origin;
use crate::source::Mode;
use crate::store::Generation;

/// What the synchronizers write down.
pub(crate) static BOARD: Board = Board {
    state: Mutex::new(BoardState {
        generation: None,
        source: None,
        override_file: None,
        providers: Vec::new(),
        wakers: Vec::new(),
    }),
    changed: Condvar::new(),
};

pub(crate) struct Board {
    state: Mutex<BoardState>,
    changed: Condvar,
}

pub(super) struct BoardState {
    generation: Option<Generation>,
    pub(super) source: Option<Health>,
    pub(super) override_file: Option<Health>,
    pub(super) providers: Vec<Arc<Attached>>,
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

    pub(super) fn shown(&self) -> SourceStatus {
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
    pub(super) fn lock(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a new page: nothing of an earlier start is left, and what its threads still say is not written down.
    pub(crate) fn begin(&self, generation: Generation) {
        let mut board = self.lock();
        board.generation = Some(generation);
        (board.source, board.override_file) = (None, None);
        // Dropped without the lock: a provider is users' code.
        let before = std::mem::take(&mut board.providers);
        drop(board);
        drop(before);
    }

    /// Notes that a provider is at work.
    pub(crate) fn attach(&self, provider: Arc<Attached>) {
        self.lock().providers.push(provider);
    }

    /// The providers at work.
    pub(crate) fn providers(&self) -> Vec<Arc<Attached>> {
        self.lock().providers.clone()
    }

    /// Wakes who waits for a provider, which knows itself where it stands.
    pub(crate) fn provider_changed(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Where the source stands; none if there is none.
    #[cfg(feature = "admin")]
    pub(crate) fn source_state(&self) -> Option<SourceState> {
        self.lock().source.as_ref().map(|health| health.state)
    }

    /// Whether the source was never reached since the start, nor has a snapshot stood in for it.
    #[cfg(feature = "openfeature")]
    pub(crate) fn is_without_source(&self) -> bool {
        self.lock().source.as_ref().is_some_and(|health| health.last_contact.is_none() && health.snapshot_at.is_none())
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
        for provider in &self.providers {
            match provider.state() {
                (ProviderState::Ready | ProviderState::Stale, _) => {}
                (ProviderState::Fatal | ProviderState::Stopped, why) => {
                    let why = why.as_deref().unwrap_or("it was stopped");
                    return Some(Err(NotReady { message: format!("provider {}: {why}", provider.name()) }));
                }
                (ProviderState::NotReady | ProviderState::Error, _) => return None,
            }
        }
        let is_live = |health: &Option<Health>| health.as_ref().is_none_or(|health| health.state == SourceState::Live);
        let has_snapshot = |source: &Health| source.state == SourceState::Lost && source.snapshot_at.is_some();
        if self.source.as_ref().is_some_and(has_snapshot) && is_live(&self.override_file) {
            return Some(Ok(Readiness::Snapshot));
        }
        let has_any = self.source.is_some() || !self.providers.is_empty();
        let readiness = if has_any { Readiness::Live } else { Readiness::NoSource };
        all().all(|health| health.state == SourceState::Live).then_some(Ok(readiness))
    }

    fn not_ready(&self) -> NotReady {
        let waiting = [&self.source, &self.override_file].into_iter().flatten();
        let waiting = waiting.filter(|health| health.state != SourceState::Live).map(|health| {
            let error = health.last_error.as_deref().unwrap_or("no answer yet");
            format!("{}: {error}", health.description)
        });
        let providers = self.providers.iter().filter_map(|provider| match provider.state() {
            (ProviderState::Ready | ProviderState::Stale, _) => None,
            (_, why) => Some(format!("provider {}: {}", provider.name(), why.as_deref().unwrap_or("no answer yet"))),
        });
        let waiting: Vec<_> = waiting.chain(providers).collect();
        let what =
            if self.source.is_some() || self.override_file.is_some() { "no live flag documents" } else { "no flags" };
        NotReady { message: format!("{what} in time ({})", waiting.join("; ")) }
    }
}
