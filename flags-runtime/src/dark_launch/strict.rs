//! Strict tests: those in which a mismatch of a dark launch is a failure.
//!
//! Who asks for it is a thread; the runs that begin on it are watched, wherever they end.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::report::Mismatch;
use super::result::ShadowResult;

/// How long a guard that is dropped waits for detached trials.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

thread_local! {
    static WATCHERS: RefCell<Vec<Arc<Watcher>>> = const { RefCell::new(Vec::new()) };
}

/// Lets mismatches of dark launches that begin on this thread fail the test, until it is dropped.
#[must_use = "mismatches fail the test only as long as this guard lives: `let _strict = testing::fail_on_mismatch();`"]
pub struct MismatchGuard {
    watcher: Arc<Watcher>,
    /// Of this thread, so it must not be sent.
    not_send: PhantomData<*const ()>,
}

struct Watcher {
    /// None watches all flags.
    flag: Option<&'static str>,
    state: Mutex<State>,
    changed: std::sync::Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    failures: Vec<String>,
    wakers: Vec<Waker>,
}

/// A run's side of the watchers: who wants to know of it.
pub(super) struct Watch(Vec<Arc<Watcher>>);

pub(crate) fn watch(flag: Option<&'static str>) -> MismatchGuard {
    let watcher = Arc::new(Watcher { flag, state: Mutex::default(), changed: std::sync::Condvar::new() });
    WATCHERS.with_borrow_mut(|watchers| watchers.push(Arc::clone(&watcher)));
    MismatchGuard { watcher, not_send: PhantomData }
}

/// Whether a mismatch of this flag would fail the test on this thread: then no run is left to chance.
pub(super) fn is_watched(flag: &str) -> bool {
    WATCHERS.try_with(|watchers| watchers.borrow().iter().any(|watcher| watcher.watches(flag))).unwrap_or(false)
}

impl Watch {
    pub(super) fn begin(flag: &str) -> Self {
        let watchers = WATCHERS.try_with(|watchers| {
            watchers.borrow().iter().filter(|watcher| watcher.watches(flag)).cloned().collect::<Vec<_>>()
        });
        let watchers = watchers.unwrap_or_default();
        for watcher in &watchers {
            watcher.state().open += 1;
        }
        Self(watchers)
    }

    /// Tells those who watch of a mismatch; the text is for the test that is to fail.
    pub(super) fn note(&self, result: &ShadowResult) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let failure = failure(result);
        for watcher in &self.0 {
            watcher.state().failures.push(failure.clone());
        }
        Some(failure)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for watcher in &self.0 {
            let mut state = watcher.state();
            state.open -= 1;
            if state.open == 0 {
                let wakers = std::mem::take(&mut state.wakers);
                drop(state);
                watcher.changed.notify_all();
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }
}

impl Watcher {
    fn watches(&self, flag: &str) -> bool {
        self.flag.is_none_or(|own| own == flag)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MismatchGuard {
    /// Waits until the detached trials that were begun meanwhile are over. For tests of async code, which must not block
    /// the thread on which their trials run; elsewhere dropping the guard waits.
    pub fn trials(&self) -> impl Future<Output = ()> + use<> {
        let watcher = Arc::clone(&self.watcher);
        std::future::poll_fn(move |cx| {
            let mut state = watcher.state();
            if state.open == 0 {
                return Poll::Ready(());
            }
            state.wakers.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for MismatchGuard {
    /// # Panics
    ///
    /// If there was a mismatch, or if trials are still running after 5 s. Not while the test fails of something else.
    fn drop(&mut self) {
        let _ = WATCHERS.try_with(|watchers| {
            watchers.borrow_mut().retain(|watcher| !Arc::ptr_eq(watcher, &self.watcher));
        });
        if thread::panicking() {
            return;
        }
        let give_up = Instant::now() + LONGEST_WAIT;
        let mut state = self.watcher.state();
        while state.open > 0 {
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.watcher.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let State { open, failures, .. } = std::mem::take(&mut *state);
        state.open = open;
        drop(state);
        assert!(
            open == 0,
            "{open} detached trials were still running: in an async test, `await` the guard's `trials()` before it is dropped"
        );
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

impl fmt::Debug for MismatchGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MismatchGuard").field("flag", &self.watcher.flag).finish_non_exhaustive()
    }
}

fn failure(result: &ShadowResult) -> String {
    let Mismatch { kind, legacy, body, .. } = Mismatch::of(result);
    format!("dark launch `{}`: {kind}\n  legacy: {legacy}\n  body:   {body}", result.flag())
}
