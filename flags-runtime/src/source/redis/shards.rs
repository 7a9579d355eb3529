//! Shards: the documents of a cluster, read by slot, with one listener for each primary.
//!
//! A listener is a thread with a tracking connection of its own; documents are read on other connections. A push comes
//! after its write and the reading starts after the push, so no update falls in between. A primary that is away keeps back
//! its own documents only; when it is back, everything is read again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use redis::Value;

use super::deployment::{Deployment, Seeds};
use super::endpoint::{Address, Endpoint};
use super::home::open_link;
use super::keys::Prefix;
use super::link::Link;
use super::router::Router;
use super::scout::Scout;
use crate::random;
use crate::source::{Change, SourceError, SourceErrorKind};

pub(super) struct Shards {
    pub(super) router: Router,
    heard: Receiver<Change>,
    scout: Scout,
    is_over: Arc<AtomicBool>,
    contacts: Arc<Contacts>,
}

/// How the listeners are.
type Contacts = Mutex<BTreeMap<Address, Contact>>;

#[derive(Debug, Default)]
struct Contact {
    /// None before the first answer.
    last_heard: Option<Instant>,
    /// Why there is none now.
    error: Option<String>,
}

/// One primary's thread.
struct Listener {
    endpoint: Endpoint,
    prefix: Prefix,
    told: Sender<Change>,
    is_over: Arc<AtomicBool>,
    contacts: Arc<Contacts>,
}

/// Whether a listener's first attempt went well: why it hears no pushes, if so, or the error.
type First = Result<Option<String>, SourceError>;

/// The longest time between two looks at who serves which slots; a slot that has moved tells so itself when it is read.
const SLOTS: Duration = Duration::from_secs(5);
/// How long a listener listens before it looks whether anybody still wants it.
const SLICE: Duration = Duration::from_millis(250);
/// The longest pause of a listener before it tries again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Shards {
    /// Finds the primaries and listens to each; also why some of them push nothing, if so.
    ///
    /// # Errors
    ///
    /// If none of them can be reached, or any refuses us.
    pub(super) fn open(deployment: &Deployment, prefix: &Prefix) -> Result<(Self, Option<String>), SourceError> {
        let Deployment::Cluster(Seeds(seeds)) = deployment else {
            return Err(SourceError::configuration("the server is no cluster"));
        };
        let Some(seed) = seeds.first() else {
            return Err(SourceError::configuration("the redis URL names no node of the cluster"));
        };
        let mut router = Router::new(deployment.clone(), prefix.clone());
        let slots = router.look_at_slots()?;
        let primaries: Vec<Address> = slots.primaries().into_iter().cloned().collect();
        let mut lookout = Router::new(deployment.clone(), prefix.clone());
        let scout = Scout::send_out(SLOTS, move || {
            let now = lookout.look_at_slots()?;
            // Slots that move between those we listen to tell so themselves.
            let is_left = now.primaries() != slots.primaries();
            Ok(is_left.then(|| "the cluster has other primaries now".to_owned()))
        })?;
        let (told, heard) = channel();
        let (ready, opened) = channel();
        let shards = Self { router, heard, scout, is_over: Arc::default(), contacts: Arc::default() };
        for primary in &primaries {
            let listener = Listener {
                endpoint: seed.at(primary.clone()),
                prefix: prefix.clone(),
                told: told.clone(),
                is_over: Arc::clone(&shards.is_over),
                contacts: Arc::clone(&shards.contacts),
            };
            let ready = ready.clone();
            thread::Builder::new()
                .name("flags-listener".to_owned())
                .spawn(move || listener.listen(ready))
                .map_err(|error| SourceError::unreachable("no thread could be started").with_source(error))?;
        }
        drop(ready);
        let (mut polling_reason, mut failure, mut is_any_there) = (None, None, false);
        for _ in &primaries {
            match opened.recv().map_err(|_| SourceError::unreachable("a listener ended"))? {
                Ok(reason) => {
                    is_any_there = true;
                    polling_reason = polling_reason.or(reason);
                }
                Err(error) if error.kind() == SourceErrorKind::Configuration => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if !is_any_there => Err(error),
            _ => Ok((shards, polling_reason)),
        }
    }

    /// The replies to one MGET a key, in the order of the keys; none where the primary of a key does not answer.
    pub(super) fn read(&mut self, keys: &[String]) -> Result<Vec<Option<Value>>, SourceError> {
        self.router.reachable_texts(keys)
    }

    pub(super) fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        if let Some(moved) = self.scout.moved().or_else(|| self.all_are_away()) {
            return Err(SourceError::unreachable(moved));
        }
        let mut change = match self.heard.recv_timeout(timeout) {
            Ok(change) => change,
            Err(RecvTimeoutError::Timeout) => return Ok(Change::Nothing),
            Err(RecvTimeoutError::Disconnected) => return Err(SourceError::unreachable("the listeners ended")),
        };
        // What one writer does in a burst arrives from several primaries; taking it together saves reads.
        while let Ok(more) = self.heard.try_recv() {
            change = both(change, more);
        }
        Ok(change)
    }

    /// When all primaries were last heard of: that of the one which has been silent for longest.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        lock(&self.contacts).values().filter_map(|contact| contact.last_heard).min()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let contacts = lock(&self.contacts);
        let away = contacts.iter().find_map(|(address, contact)| Some((address, contact.error.as_ref()?)));
        match away {
            Some((address, error)) => Some(format!("the documents at {address} may be old: {error}")),
            None => self.scout.trouble(),
        }
    }

    fn all_are_away(&self) -> Option<String> {
        let contacts = lock(&self.contacts);
        let mut errors = contacts.iter().map(|(address, contact)| Some((address, contact.error.as_ref()?)));
        let (address, error) = errors.next()??;
        errors.all(|away| away.is_some()).then(|| format!("{address}: {error}"))
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Listener {
    /// Listens until nobody wants it any more; says once, after the first attempt, whether it can.
    fn listen(&self, ready: Sender<First>) {
        let address = &self.endpoint.address;
        let mut ready = Some(ready);
        let mut pause = SLICE;
        while !self.is_over.load(Ordering::Relaxed) {
            let error = match open_link(&self.endpoint, &self.prefix) {
                Ok((link, reason)) => {
                    pause = SLICE;
                    self.note(Some(link.last_heard()), None);
                    let is_wanted = match ready.take() {
                        Some(ready) => ready.send(Ok(reason.map(|reason| format!("{address}: {reason}")))).is_ok(),
                        // Whatever was pushed meanwhile is lost.
                        None => self.told.send(Change::Everything).is_ok(),
                    };
                    match self.follow(link) {
                        Some(error) if is_wanted => error,
                        _ => return,
                    }
                }
                Err(error) => error,
            };
            self.note(None, Some(error.in_one_line()));
            if ready.take().is_some_and(|ready| ready.send(Err(at(address, error))).is_err()) {
                return;
            }
            self.rest(pause.mul_f64(0.5 + random::share() / 2.0));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells changes until the link is lost; none if nobody wants them.
    fn follow(&self, mut link: Link) -> Option<SourceError> {
        while !self.is_over.load(Ordering::Relaxed) {
            let change = match link.wait(SLICE) {
                Ok(change) => change,
                Err(error) => return Some(error),
            };
            self.note(Some(link.last_heard()), None);
            if change != Change::Nothing {
                self.told.send(change).ok()?;
            }
        }
        None
    }

    fn note(&self, last_heard: Option<Instant>, error: Option<String>) {
        let mut contacts = lock(&self.contacts);
        let contact = contacts.entry(self.endpoint.address.clone()).or_default();
        contact.last_heard = last_heard.or(contact.last_heard);
        contact.error = error;
    }

    fn rest(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_over.load(Ordering::Relaxed) && Instant::now() < end {
            thread::sleep(SLICE.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

fn lock(contacts: &Contacts) -> MutexGuard<'_, BTreeMap<Address, Contact>> {
    // Nothing panics while it is held.
    contacts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn both(one: Change, other: Change) -> Change {
    match (one, other) {
        (Change::Everything, _) | (_, Change::Everything) => Change::Everything,
        (Change::Nothing, change) | (change, Change::Nothing) => change,
        (Change::Keys(mut keys), Change::Keys(more)) => {
            keys.extend(more);
            Change::Keys(keys)
        }
    }
}

/// The same error, with its place: which of the primaries it is.
fn at(address: &Address, error: SourceError) -> SourceError {
    SourceError::of_kind(error.kind(), format!("{address}")).with_source(error)
}
