//! Fake source: one that a test makes as bad as it likes, for outages, stale data and documents that vanish.
//!
//! A source is process-wide, and so is what it does to flags: unlike everything else here it is seen by all tests of the binary. So it
//! takes a lock: of several tests with one each waits for the one before.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

use crate::source::{Change, Mode, Source, SourceError};
use crate::store;

/// A source in the hands of a test. Dropping it takes its documents back and lets the next test have one; drop what `start` gave
/// before.
///
/// A source is process-wide: while one lives, every test of the binary sees its documents, unless it forces what it reads. So tests
/// with one wait for each other, and belong into a file of their own.
///
/// ```
/// use flags_runtime::testing::FakeSource;
/// use flags_runtime::{Flag, builder, feature_flag, flag};
/// use std::time::Duration;
///
/// #[feature_flag(name = "fake_source_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let source = FakeSource::new(r#"{"fake_source_example":{"enabled":true}}"#);
/// let running = builder().source(source.source()).start()?;
/// running.wait_ready(Duration::from_secs(5))?;
/// source.lose("the network is gone");
/// assert!(flag!(EXAMPLE), "its last decision");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FakeSource {
    shared: Arc<Shared>,
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_ONE: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<String, String>,
    /// Why it does not answer.
    lost: Option<String>,
    has_news: bool,
}

struct Running(Arc<Shared>);

impl FakeSource {
    /// A source with these documents: a JSON object of keys and documents, as an override file has it. Waits until no other test
    /// of this process has one.
    ///
    /// # Panics
    ///
    /// If it is no JSON object, or this thread has a fake source already.
    #[track_caller]
    pub fn new(documents: &str) -> Self {
        assert!(!HAS_ONE.get(), "this test has a fake source already: a process has one source at a time");
        // A test that panicked with it has left nothing behind: the state is this one's own.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let fake = Self { shared: Arc::default(), _turn: turn };
        HAS_ONE.set(true);
        fake.documents(documents);
        fake
    }

    /// What the builder takes.
    pub fn source(&self) -> impl Source + use<> {
        Running(Arc::clone(&self.shared))
    }

    /// Puts these documents in the place of all others; seen at once, unless it is lost. `{}` is what a server that restarted
    /// without its data has, which is doubted for the `empty_grace`.
    ///
    /// # Panics
    ///
    /// If it is no JSON object.
    #[track_caller]
    pub fn documents(&self, json: &str) {
        let documents: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json)
            .unwrap_or_else(|error| panic!("these documents are no JSON object of keys and documents: {error}"));
        let documents = documents.into_iter().map(|(key, document)| (key, document.get().to_owned())).collect();
        self.change(|state| state.documents = documents);
    }

    /// Lets it answer no more, for this reason.
    pub fn lose(&self, why: &str) {
        self.change(|state| state.lost = Some(why.to_owned()));
    }

    /// Lets it answer again; seen after the pause of a lost source, a second at most after a short outage.
    pub fn restore(&self) {
        self.change(|state| state.lost = None);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.lock();
        change(&mut state);
        state.has_news = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for FakeSource {
    fn drop(&mut self) {
        HAS_ONE.set(false);
        // Reads keep a source's last decision when it is stopped; of this one nothing is to stay.
        store::forget_source();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), SourceError> {
        self.lost.as_ref().map_or(Ok(()), |why| Err(SourceError::unreachable(why)))
    }
}

impl Source for Running {
    fn describe(&self) -> String {
        "a fake source".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        let state = self.0.lock();
        state.check()?;
        Ok(keys.iter().map(|key| state.documents.get(*key).map(|text| text.clone().into_bytes())).collect())
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        let state = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(state, timeout, |state| !state.has_news);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        Ok(if std::mem::take(&mut state.has_news) { Change::Everything } else { Change::Nothing })
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }

    fn may_lose_everything(&self) -> bool {
        true
    }
}
