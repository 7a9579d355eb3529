//! Shards: the documents of a cluster, read by slot, with one listener for each primary.
//!
//! A listener is a thread with a tracking connection of its own; documents are read on other connections. A push comes
//! after its write and the reading starts after the push, so no update falls in between. If any listener is lost all is
//! opened anew: which primaries there are may have changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use redis::Value;

use super::deployment::{Deployment, Seeds};
use super::endpoint::{Address, Endpoint};
use super::home::open_link;
use super::keys::Prefix;
use super::router::Router;
use super::scout::Scout;
use crate::source::{Change, SourceError};

pub(super) struct Shards {
    pub(super) router: Router,
    heard: Receiver<Result<Change, SourceError>>,
    scout: Scout,
    is_over: Arc<AtomicBool>,
    /// When each of the primaries was last heard of.
    last_heard: Arc<Mutex<BTreeMap<Address, Instant>>>,
}

/// The longest time between two looks at who serves which slots; a slot that has moved tells so itself when it is read.
const SLOTS: Duration = Duration::from_secs(5);
/// How long a listener listens before it looks whether anybody still wants it.
const SLICE: Duration = Duration::from_millis(250);

impl Shards {
    /// Finds the primaries and listens to each; also why some of them push nothing, if so.
    pub(super) fn open(deployment: &Deployment, prefix: &Prefix) -> Result<(Self, Option<String>), SourceError> {
        let Deployment::Cluster(Seeds(seeds)) = deployment else {
            return Err(SourceError::configuration("the server is no cluster"));
        };
        let Some(seed) = seeds.first() else {
            return Err(SourceError::configuration("the redis URL names no node of the cluster"));
        };
        let mut router = Router::new(deployment.clone(), prefix.clone());
        let slots = router.look_at_slots()?;
        let (told, heard) = channel();
        let (ready, opened) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let primaries: Vec<Address> = slots.primaries().into_iter().cloned().collect();
        let mut lookout = Router::new(deployment.clone(), prefix.clone());
        let scout = Scout::send_out(SLOTS, move || {
            let now = lookout.look_at_slots()?;
            Ok((now != slots).then(|| "the cluster serves its slots elsewhere".to_owned()))
        })?;
        let last_heard = Arc::default();
        let shards = Self { router, heard, scout, is_over, last_heard };
        for primary in &primaries {
            let (told, ready, is_over) = (told.clone(), ready.clone(), Arc::clone(&shards.is_over));
            let (endpoint, prefix) = (seed.at(primary.clone()), prefix.clone());
            let last_heard = Arc::clone(&shards.last_heard);
            thread::Builder::new()
                .name("flags-listener".to_owned())
                .spawn(move || listen(&endpoint, &prefix, &ready, &told, &is_over, &last_heard))
                .map_err(|error| SourceError::unreachable("no thread could be started").with_source(error))?;
        }
        drop(ready);
        let mut polling_reason = None;
        for _ in &primaries {
            let reason = opened.recv().map_err(|_| SourceError::unreachable("a listener ended"))??;
            polling_reason = polling_reason.or(reason);
        }
        Ok((shards, polling_reason))
    }

    /// The replies to one MGET a key, in the order of the keys.
    pub(super) fn read(&mut self, keys: &[String]) -> Result<Vec<Value>, SourceError> {
        self.router.texts(keys)
    }

    pub(super) fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        if let Some(moved) = self.scout.moved() {
            return Err(SourceError::unreachable(moved));
        }
        let mut change = match self.heard.recv_timeout(timeout) {
            Ok(change) => change?,
            Err(RecvTimeoutError::Timeout) => return Ok(Change::Nothing),
            Err(RecvTimeoutError::Disconnected) => return Err(SourceError::unreachable("the listeners ended")),
        };
        // What one writer does in a burst arrives from several primaries; taking it together saves reads.
        while let Ok(more) = self.heard.try_recv() {
            change = both(change, more?);
        }
        Ok(change)
    }

    /// When all primaries were last heard of: that of the one which has been silent for longest.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        self.last_heard.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.scout.trouble()
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
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

fn listen(
    endpoint: &Endpoint,
    prefix: &Prefix,
    ready: &Sender<Result<Option<String>, SourceError>>,
    told: &Sender<Result<Change, SourceError>>,
    is_over: &AtomicBool,
    last_heard: &Mutex<BTreeMap<Address, Instant>>,
) {
    let address = &endpoint.address;
    let mut link = match open_link(endpoint, prefix) {
        Ok((link, reason)) => {
            // Nobody there any more: the others could not be opened.
            let _ = ready.send(Ok(reason.map(|reason| format!("{address}: {reason}"))));
            link
        }
        Err(error) => {
            let _ = ready.send(Err(at(address, error)));
            return;
        }
    };
    while !is_over.load(Ordering::Relaxed) {
        let heard = link.wait(SLICE);
        // Nothing panics while it is held.
        last_heard.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), link.last_heard());
        let is_lost = heard.is_err();
        let is_news = heard.as_ref().map_or(true, |change| *change != Change::Nothing);
        if is_news && told.send(heard.map_err(|error| at(address, error))).is_err() || is_lost {
            return;
        }
    }
}

/// The same error, with its place: which of the primaries it is.
fn at(address: &Address, error: SourceError) -> SourceError {
    let kind = error.kind();
    SourceError::of_kind(kind, format!("{address}")).with_source(error)
}
