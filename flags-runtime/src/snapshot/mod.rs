//! Snapshot: the last good documents in a file, so that a start while the source is down keeps yesterday's decisions.
//!
//! The file is replaced as a whole or not at all, by a thread of its own: a disk that hangs or is full delays no update and
//! no read. A file that is torn, of another source or of another program is not used, and one that is no snapshot is
//! never overwritten.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::event::{Event, Listener};

pub(crate) use self::file::Snapshot;

/// The document of a key, or none: what a source said and the store took.
pub(crate) type Taken = Vec<(&'static str, Option<Vec<u8>>)>;

/// Writes the file in the background; dropping it lets the thread write what is new and end.
#[derive(Debug)]
pub(crate) struct Keeper {
    desk: Arc<Desk>,
}

/// What is to be written. A disk that hangs lets it grow no further than the documents are.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    snapshot: Snapshot,
    /// When it is to be written; none if all is.
    due: Option<Instant>,
    /// When it was written last.
    written: Option<Instant>,
    is_over: bool,
}

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);
/// After so long without changes the file is written again, so that it says when the source was last there.
const REFRESH: Duration = Duration::from_secs(60);

/// After a write that failed.
const RETRY: Duration = Duration::from_secs(5);

/// The thread's end, to be waited for: closed when it has ended.
pub(crate) type Ended = Receiver<()>;

impl Keeper {
    /// Starts the thread; `known` is what the file holds already.
    pub(crate) fn start(
        path: PathBuf,
        identity: String,
        known: BTreeMap<String, String>,
        listener: Listener,
    ) -> std::io::Result<(Self, Ended)> {
        let snapshot = Snapshot { identity, at: SystemTime::UNIX_EPOCH, documents: known };
        let state = State { snapshot, due: None, written: None, is_over: false };
        let desk = Arc::new(Desk { state: Mutex::new(state), changed: Condvar::new() });
        let (end, ended) = channel::<()>();
        let mut run = Run { path, desk: Arc::clone(&desk), listener, last_error: None };
        thread::Builder::new().name("flags-snapshot".to_owned()).spawn(move || {
            run.until_stopped();
            drop(end);
        })?;
        Ok((Self { desk }, ended))
    }

    /// Notes that the source has answered, with what changed. Never waits for the disk.
    pub(crate) fn note(&self, taken: Taken) {
        let mut state = self.desk.lock();
        let wait = if taken.is_empty() { REFRESH } else { PAUSE };
        state.snapshot.at = SystemTime::now();
        for (key, text) in taken {
            // Documents that were taken are UTF-8.
            match text.map(String::from_utf8) {
                Some(Ok(text)) => drop(state.snapshot.documents.insert(key.to_owned(), text)),
                Some(Err(_)) | None => drop(state.snapshot.documents.remove(key)),
            }
        }
        // The first one at once.
        let next = state.written.map_or_else(Instant::now, |written| written + wait);
        state.due = Some(state.due.map_or(next, |due| due.min(next)));
        drop(state);
        self.desk.changed.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.desk.lock().is_over = true;
        self.desk.changed.notify_one();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Run {
    path: PathBuf,
    desk: Arc<Desk>,
    listener: Listener,
    /// The error that was told last, so that it is told once.
    last_error: Option<String>,
}

impl Run {
    fn until_stopped(&mut self) {
        let desk = Arc::clone(&self.desk);
        let mut state = desk.lock();
        loop {
            let left = state.due.map_or(REFRESH, |due| due.saturating_duration_since(Instant::now()));
            let is_due = state.due.is_some() && (left.is_zero() || state.is_over);
            if is_due {
                (state.due, state.written) = (None, Some(Instant::now()));
                let snapshot = state.snapshot.clone();
                drop(state);
                let is_written = self.write(&snapshot);
                state = desk.lock();
                if !is_written && !state.is_over {
                    state.due.get_or_insert(Instant::now() + RETRY);
                }
            } else if state.is_over {
                return;
            } else {
                (state, _) = desk.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn write(&mut self, snapshot: &Snapshot) -> bool {
        match snapshot.write(&self.path) {
            Ok(()) => {
                self.last_error = None;
                true
            }
            Err(error) => {
                if self.last_error.as_ref() != Some(&error) {
                    self.listener.tell(&Event::SnapshotNotWritten { path: self.path.clone(), error: error.clone() });
                    self.last_error = Some(error);
                }
                false
            }
        }
    }
}

/// What the file holds for a source; none if there is no file. What cannot be used is told and left.
pub(crate) fn read(path: &Path, identity: &str, listener: &Listener) -> Option<Snapshot> {
    match Snapshot::read(path, identity) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            listener.tell(&Event::SnapshotNotUsed { path: path.to_owned(), error });
            None
        }
    }
}
