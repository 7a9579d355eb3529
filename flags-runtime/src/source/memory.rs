//! Memory source: documents that the program itself holds, for tests, examples and sources of one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Change, Mode, Source, SourceError};

/// Documents in memory, changed through a [`MemoryWriter`].
///
/// ```
/// let source = flags_runtime::source::MemorySource::new();
/// let writer = source.writer();
/// writer.set("new_checkout", r#"{"enabled":true,"rollout_percentage":10}"#);
/// ```
#[derive(Debug, Default)]
pub struct MemorySource {
    shared: Arc<Shared>,
}

/// Changes the documents of a [`MemorySource`], from any thread.
#[derive(Clone, Debug)]
pub struct MemoryWriter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<String, Vec<u8>>,
    unseen: BTreeSet<String>,
}

impl MemorySource {
    /// A source without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something to change the documents with, while the source runs.
    pub fn writer(&self) -> MemoryWriter {
        MemoryWriter { shared: Arc::clone(&self.shared) }
    }
}

impl MemoryWriter {
    /// Puts a document at a key; seen at once.
    pub fn set(&self, key: &str, document: impl Into<Vec<u8>>) {
        let mut state = self.shared.lock();
        state.documents.insert(key.to_owned(), document.into());
        state.unseen.insert(key.to_owned());
        self.shared.changed.notify_one();
    }

    /// Removes the document at a key; seen at once.
    pub fn remove(&self, key: &str) {
        let mut state = self.shared.lock();
        state.documents.remove(key);
        state.unseen.insert(key.to_owned());
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for MemorySource {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        let state = self.shared.lock();
        Ok(keys.iter().map(|key| state.documents.get(*key).cloned()).collect())
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, timeout, |state| state.unseen.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let keys = std::mem::take(&mut state.unseen);
        Ok(if keys.is_empty() { Change::Nothing } else { Change::Keys(keys.into_iter().collect()) })
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }
}
