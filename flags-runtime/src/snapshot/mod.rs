//! Snapshot: the last good documents in a file, so that a start while the source is down keeps yesterday's decisions.
//!
//! The file is replaced as a whole or not at all, by a thread of its own: a disk that hangs or is full delays no update and
//! no read. A file that is torn, of another source or of another program is not used, and one that is no snapshot is
//! never overwritten.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::event::{Event, Listener};

pub(crate) use self::file::Snapshot;

/// The document of a key, or none: what a source said and the store took.
pub(crate) type Taken = Vec<(&'static str, Option<Vec<u8>>)>;

/// Writes the file in the background; dropping it lets the thread write what is new and end.
#[derive(Debug)]
pub(crate) struct Keeper {
    news: Sender<Taken>,
}

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);
/// After so long without changes the file is written again, so that it says when the source was last there.
const REFRESH: Duration = Duration::from_secs(60);

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
        let (news, told) = channel();
        let (end, ended) = channel::<()>();
        let mut run = Run {
            path,
            snapshot: Snapshot { identity, at: SystemTime::UNIX_EPOCH, documents: known },
            listener,
            last_error: None,
        };
        thread::Builder::new().name("flags-snapshot".to_owned()).spawn(move || {
            run.until_stopped(&told);
            drop(end);
        })?;
        Ok((Self { news }, ended))
    }

    /// Notes that the source has answered, with what changed.
    pub(crate) fn note(&self, taken: Taken) {
        // Without the thread there is no file, which was told when it ended.
        let _ = self.news.send(taken);
    }
}

struct Run {
    path: PathBuf,
    snapshot: Snapshot,
    listener: Listener,
    /// The error that was told last, so that it is told once.
    last_error: Option<String>,
}

impl Run {
    fn until_stopped(&mut self, told: &Receiver<Taken>) {
        // None: all is written that is to be.
        let mut due: Option<Instant> = None;
        let mut written: Option<Instant> = None;
        loop {
            let pause = due.map_or(REFRESH, |due| due.saturating_duration_since(Instant::now()));
            match told.recv_timeout(pause) {
                Ok(taken) => {
                    let wait = if taken.is_empty() { REFRESH } else { PAUSE };
                    self.take(taken);
                    // The first one at once.
                    let next = written.map_or_else(Instant::now, |written| written + wait);
                    due = Some(due.map_or(next, |due| due.min(next)));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if due.is_some() {
                        self.write();
                    }
                    return;
                }
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                self.write();
                (due, written) = (None, Some(Instant::now()));
            }
        }
    }

    fn take(&mut self, taken: Taken) {
        self.snapshot.at = SystemTime::now();
        for (key, text) in taken {
            // Documents that were taken are UTF-8.
            match text.map(String::from_utf8) {
                Some(Ok(text)) => drop(self.snapshot.documents.insert(key.to_owned(), text)),
                Some(Err(_)) | None => drop(self.snapshot.documents.remove(key)),
            }
        }
    }

    fn write(&mut self) {
        match self.snapshot.write(&self.path) {
            Ok(()) => self.last_error = None,
            Err(error) => {
                if self.last_error.as_ref() != Some(&error) {
                    self.listener.tell(&Event::SnapshotNotWritten { path: self.path.clone(), error: error.clone() });
                    self.last_error = Some(error);
                }
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
