//! Run: what the thread of a source does until it is stopped.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::hold::Hold;
use super::{Kept, Pace};
use crate::event::{Event, Listener};
use crate::random;
use crate::registry::registry;
use crate::rules::rule::Origin;
use crate::snapshot::Keeper;
use crate::source::{Change, Mode, Source, SourceError, SourceErrorKind};
use crate::status::{BOARD, SourceState, status};
use crate::store::{self, Documents, Generation};

const WAIT: Duration = Duration::from_millis(250);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For errors that only a person can mend: asked again, but not in a storm.
const CONFIGURATION_PAUSE: Duration = Duration::from_secs(10);
/// For a file that is missing or half written: it may be whole again in a moment, and asking costs nothing.
const DATA_PAUSE: Duration = Duration::from_millis(250);
/// Without pushes the refresh interval is how long a kill takes to arrive.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// What the thread knows of its source.
pub(super) struct Run {
    generation: Generation,
    origin: Origin,
    source: Box<dyn Source>,
    /// Asked once: the source's own code runs only where a panic of it is caught.
    description: String,
    pace: Pace,
    keeper: Option<Keeper>,
    hold: Hold,
    /// The last successful answer; before the first one the start.
    last_contact: Instant,
    /// How old that was already: a snapshot may be older than this machine has been up.
    age_before: Duration,
    /// Whether it was told that this is long ago.
    is_stale: bool,
    /// Whether flags may answer their declared defaults for it, in this start or since an earlier one.
    may_be_outage: bool,
    listener: Listener,
    stopped: Receiver<()>,
    has_started: bool,
    /// The error that was told last, so that it is told once.
    last_error: Option<String>,
    /// The unknown keys that were told last.
    last_unknown: Vec<String>,
}

/// Nobody wants the thread any more.
struct Stop;

impl Run {
    pub(super) fn new(
        generation: Generation,
        origin: Origin,
        source: Box<dyn Source>,
        pace: Pace,
        kept: Kept,
        listener: Listener,
        stopped: Receiver<()>,
    ) -> Self {
        let grace = if source.may_lose_everything() { pace.empty_grace } else { Duration::ZERO };
        Self {
            generation,
            origin,
            description: source.describe(),
            source,
            pace,
            keeper: kept.keeper,
            hold: Hold::new(grace),
            last_contact: Instant::now(),
            age_before: kept.snapshot_at.and_then(|at| at.elapsed().ok()).unwrap_or_default(),
            is_stale: false,
            may_be_outage: true,
            listener,
            stopped,
            has_started: false,
            last_error: None,
            last_unknown: Vec::new(),
        }
    }

    pub(super) fn until_stopped(&mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.synchronize())).is_err() {
            BOARD.note(self.generation, self.origin, |health| {
                health.restarts += 1;
                health.state = SourceState::Lost;
                health.last_error = Some("the background thread panicked".to_owned());
            });
            self.listener.tell(&Event::Restarted { source: self.description.clone() });
            if self.pause(LONGEST_PAUSE).is_err() {
                break;
            }
        }
        BOARD.note(self.generation, self.origin, |health| health.state = SourceState::Stopped);
    }

    pub(super) fn read_before_start(&mut self) {
        let read = catch_unwind(AssertUnwindSafe(|| self.read_everything(false)));
        if let Ok(Err(error)) = read {
            self.lost(&error);
        }
    }

    fn synchronize(&mut self) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let contact = self.read_everything(false).and_then(|()| {
                pause = SHORTEST_PAUSE;
                self.follow()
            });
            let rest = match contact {
                Ok(Stop) => return,
                Err(error) => {
                    self.lost(&error);
                    match error.kind() {
                        SourceErrorKind::Configuration => CONFIGURATION_PAUSE,
                        SourceErrorKind::Data => DATA_PAUSE,
                        SourceErrorKind::Unreachable => {
                            pause = (pause * 2).min(LONGEST_PAUSE);
                            jittered(pause)
                        }
                    }
                }
            };
            if self.pause(rest).is_err() {
                return;
            }
        }
    }

    /// Follows changes until the source is lost or nobody wants them any more.
    fn follow(&mut self) -> Result<Stop, SourceError> {
        let mut next_refresh = self.next_refresh();
        loop {
            if self.is_stopped() {
                return Ok(Stop);
            }
            let next_read = self.hold.until().map_or(next_refresh, |until| until.min(next_refresh));
            let left = next_read.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.read_everything(false)?;
                next_refresh = self.next_refresh();
                continue;
            }
            let change = self.source.wait(left.min(WAIT))?;
            self.heard();
            match change {
                Change::Nothing => {}
                Change::Keys(keys) => self.read(keys)?,
                Change::Everything => {
                    self.read_everything(true)?;
                    next_refresh = self.next_refresh();
                }
            }
        }
    }

    /// Notes when the source was there, and what it says of itself.
    fn heard(&mut self) {
        if let Some(heard) = self.source.last_heard() {
            self.last_contact = self.last_contact.max(heard);
        }
        let (last_contact, trouble) = (self.last_contact, self.source.trouble());
        BOARD.note(self.generation, self.origin, |health| {
            health.last_contact = Some(last_contact);
            health.trouble = trouble;
        });
    }

    /// Reads all documents; `is_everything` if the source said that anything may have changed.
    fn read_everything(&mut self, is_everything: bool) -> Result<(), SourceError> {
        let keys: Vec<_> = registry().flags().iter().map(|flag| flag.declaration().key()).collect();
        self.fetch_and_apply(&keys, is_everything)
    }

    fn read(&mut self, mut changed: Vec<String>) -> Result<(), SourceError> {
        changed.sort_unstable();
        changed.dedup();
        changed.retain(|key| registry().by_key(key).is_some());
        if changed.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = changed.iter().map(String::as_str).collect();
        self.fetch_and_apply(&keys, false)
    }

    fn fetch_and_apply(&mut self, keys: &[&str], is_everything: bool) -> Result<(), SourceError> {
        let documents = self.source.fetch(keys)?;
        if self.is_stopped() {
            // Whoever stopped us may have started another source meanwhile: what came late is not applied.
            return Ok(());
        }
        if documents.len() != keys.len() {
            let (asked, got) = (keys.len(), documents.len());
            return Err(SourceError::data(format!("answered {got} documents for {asked} keys")));
        }
        let (unreadable, unreached) = (self.source.unreadable(), self.source.unreached());
        let is_readable =
            |key: &str| !unreadable.iter().any(|(name, _)| name == key) && !unreached.iter().any(|name| name == key);
        let mut documents: Documents<'_> = keys.iter().copied().zip(documents).collect();
        documents.retain(|(key, _)| is_readable(key));
        self.hold_what_vanished(&documents, is_everything);
        documents.retain(|(key, document)| document.is_some() || !self.hold.holds(key));
        let mut applied = store::apply(self.generation, self.origin, documents);
        for (key, why) in unreadable.iter().filter(|(key, _)| keys.contains(&key.as_str())) {
            applied.refused.extend(store::refuse(self.generation, self.origin, key, why).refused);
        }
        (self.last_contact, self.age_before) = (Instant::now(), Duration::ZERO);
        self.is_stale = false;
        if self.origin == Origin::Source && std::mem::take(&mut self.may_be_outage) {
            applied.changed.extend(store::end_outage(self.generation));
        }
        if let Some(keeper) = &self.keeper {
            keeper.note(std::mem::take(&mut applied.taken));
        }
        let (mode, polling_reason, trouble) = (self.source.mode(), self.source.polling_reason(), self.source.trouble());
        let mut unknown = self.source.unasked();
        unknown.retain(|key| registry().by_key(key).is_none());
        let was = BOARD.note(self.generation, self.origin, |health| {
            health.mode = Some(mode);
            health.polling_reason = polling_reason;
            health.trouble = trouble;
            health.unknown.clone_from(&unknown);
            health.last_contact = Some(self.last_contact);
            health.snapshot_at = None;
            std::mem::replace(&mut health.state, SourceState::Live)
        });
        self.last_error = None;
        let is_start = !self.has_started;
        self.tell_started();
        if was == Some(SourceState::Lost) {
            self.listener.tell(&Event::Recovered { source: self.description.clone() });
        }
        if self.last_unknown != unknown {
            self.last_unknown.clone_from(&unknown);
            if !unknown.is_empty() {
                self.listener.tell(&Event::Unknown { source: self.description.clone(), keys: unknown });
            }
        }
        // At the start all that is there is new, and told already.
        if !is_start && !applied.changed.is_empty() {
            self.listener.tell(&Event::Changed { flags: applied.changed });
        }
        for (flag, error) in applied.refused {
            self.listener.tell(&Event::Refused { flag, error: error.to_string() });
        }
        for (flag, fields) in applied.unknown_fields {
            self.listener.tell(&Event::UnknownFields { flag, fields });
        }
        Ok(())
    }

    /// Holds documents that vanished together, and says so.
    fn hold_what_vanished(&mut self, documents: &Documents<'_>, is_everything: bool) {
        let is_all_there = documents.iter().all(|(_, document)| document.is_some());
        if self.hold.grace().is_zero() || is_all_there && self.hold.until().is_none() {
            return;
        }
        let known: BTreeSet<&str> = store::known(self.origin).into_iter().collect();
        let batch = documents.iter().map(|(key, document)| (*key, document.is_some()));
        let is_news = self.hold.look(&known, batch, is_everything, Instant::now());
        let flags: Vec<_> = self.hold.keys().filter_map(registry_name).collect();
        let held = self.hold.until().map(|until| (flags.clone(), until));
        BOARD.note(self.generation, self.origin, |health| health.held = held);
        if is_news {
            let (source, grace) = (self.description.clone(), self.hold.grace());
            self.listener.tell(&Event::Held { source, flags, grace });
        }
    }

    /// Says how long contact has been lost, to people and to flags that do not want it to last. Gives the moment at which
    /// there is more to say.
    fn look_at_age(&mut self) -> Option<Instant> {
        if self.origin != Origin::Source || self.is_stopped() {
            return None;
        }
        let age = self.last_contact.elapsed() + self.age_before;
        if age >= self.pace.stale_after && !std::mem::replace(&mut self.is_stale, true) {
            self.listener.tell(&Event::Stale { source: self.description.clone(), age });
        }
        let flags = store::begin_outage(self.generation, age);
        if !flags.is_empty() {
            self.may_be_outage = true;
            self.listener.tell(&Event::Outage { source: self.description.clone(), flags });
        }
        let limits = registry().flags().iter().filter_map(|flag| flag.declaration().outage_limit());
        let next = limits.chain([self.pace.stale_after]).filter(|limit| *limit > age).min()?;
        self.last_contact.checked_add(next.saturating_sub(self.age_before))
    }

    fn lost(&mut self, error: &SourceError) {
        if self.is_stopped() {
            return;
        }
        let message = error.in_one_line();
        BOARD.note(self.generation, self.origin, |health| {
            health.state = SourceState::Lost;
            health.last_error = Some(message.clone());
        });
        self.tell_started();
        if self.last_error.as_ref() != Some(&message) {
            self.listener.tell(&Event::Lost { source: self.description.clone(), error: message.clone() });
            self.last_error = Some(message);
        }
    }

    fn tell_started(&mut self) {
        if !std::mem::replace(&mut self.has_started, true) && self.origin == Origin::Source {
            self.listener.tell(&Event::Started { status: Box::new(status()) });
        }
    }

    fn next_refresh(&self) -> Instant {
        let interval = match self.source.mode() {
            Mode::Push => self.pace.refresh,
            Mode::Polling => self.pace.refresh.min(LONGEST_POLL),
        };
        Instant::now() + jittered(interval)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn pause(&mut self, duration: Duration) -> Result<(), Stop> {
        let end = Instant::now() + duration;
        loop {
            let until = self.look_at_age().map_or(end, |next| next.min(end));
            match self.stopped.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) if Instant::now() >= end => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Err(Stop),
            }
        }
    }
}

fn registry_name(key: &str) -> Option<&'static str> {
    registry().by_key(key).map(|flag| flag.declaration().name())
}

/// Half to the whole of a duration, so that a thousand processes do not come at once.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.5 + random::share() / 2.0)
}
