//! A side: one of the two functions of a dark launch, run once, with its panic caught and its time taken.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Clock;

/// The two functions, whichever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Legacy,
    Body,
}

/// What a side came to, and how long it took.
pub(super) struct Side<T> {
    pub(super) outcome: Outcome<T>,
    pub(super) elapsed: Duration,
}

pub(super) type Outcome<T> = Result<T, Panic>;

/// A caught panic.
pub(super) struct Panic {
    payload: Box<dyn Any + Send>,
}

/// What the running code is to a dark launch.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Nothing, or a side that answers.
    None,
    /// The side that is tried.
    Trial,
    /// A comparator, ignore rule, cleaner or hook.
    Judge,
}

thread_local! {
    static PART: Cell<Part> = const { Cell::new(Part::None) };
    /// The time that trials have taken on this thread: it is nobody's who waits for an answer.
    static TRIALS: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Role {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Legacy => Self::Body,
            Self::Body => Self::Legacy,
        }
    }
}

impl<T> Side<T> {
    pub(super) fn answering(clock: &dyn Clock, run: impl FnOnce() -> T) -> Self {
        let (outcome, time) = timed(clock, || caught(run));
        Self { outcome, elapsed: time.own }
    }

    pub(super) fn on_trial(clock: &dyn Clock, run: impl FnOnce() -> T) -> Self {
        Self::answering(clock, || on_trial(run))
    }
}

impl Panic {
    /// The message, as far as it is text.
    pub(super) fn message(&self) -> &str {
        let text = self.payload.downcast_ref::<&str>().copied();
        text.or_else(|| self.payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
    }

    /// Another one with the same message.
    pub(super) fn copy(&self) -> Self {
        Self { payload: Box::new(self.message().to_owned()) }
    }

    /// Goes on as if it had never been caught; the panic hook is not called again.
    pub(super) fn resume(self) -> ! {
        resume_unwind(self.payload)
    }
}

/// Whether the code that asks runs as the trial of a dark launch: for a panic hook that is to stay silent then, or for code
/// that must not act twice.
pub fn in_candidate() -> bool {
    part() == Part::Trial
}

/// Whether a dark launch in here would be one inside of a trial or of what judges it: there the answering side runs alone.
pub(super) fn is_nested() -> bool {
    part() != Part::None
}

/// Runs code of users that must not hurt the caller: a panic is returned.
pub(super) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Panic { payload })
}

/// How long something took.
#[derive(Clone, Copy, Default)]
pub(super) struct Time {
    /// By the clock.
    pub(super) whole: Duration,
    /// Without the trials of dark launches inside of it.
    pub(super) own: Duration,
}

/// Takes the time.
pub(super) fn timed<R>(clock: &dyn Clock, run: impl FnOnce() -> R) -> (R, Time) {
    let trials = || TRIALS.try_with(Cell::get).unwrap_or_default();
    let (before, start) = (trials(), clock.now());
    let result = run();
    let whole = clock.now().saturating_sub(start);
    (result, Time { whole, own: whole.saturating_sub(trials().saturating_sub(before)) })
}

/// Notes time that a trial took here, so that it is not taken for the answer's of a launch around this one.
pub(super) fn note_trial(time: Duration) {
    let _ = TRIALS.try_with(|trials| trials.set(trials.get() + time));
}

/// Runs a side as the one that is tried.
pub(super) fn on_trial<R>(run: impl FnOnce() -> R) -> R {
    with_part(Part::Trial, run)
}

/// Runs a comparator, ignore rule, cleaner or hook.
pub(super) fn judging<R>(run: impl FnOnce() -> R) -> Result<R, Panic> {
    with_part(Part::Judge, || caught(run))
}

/// Drops what came from users' code; a panic in it is theirs alone, and the hook has told of it.
pub(super) fn discard<T>(value: T) {
    drop(on_trial(|| caught(|| drop(value))));
}

/// Polls a future, and catches its panic.
pub(super) fn poll_caught<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Outcome<F::Output>> {
    match caught(|| future.poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

fn part() -> Part {
    // A thread that is being torn down takes part in nothing.
    PART.try_with(Cell::get).unwrap_or(Part::None)
}

fn with_part<R>(part: Part, run: impl FnOnce() -> R) -> R {
    struct Restore(Part);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = PART.try_with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(PART.try_with(|current| current.replace(part)).unwrap_or(Part::None));
    run()
}
