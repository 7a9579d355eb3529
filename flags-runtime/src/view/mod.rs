//! The view: the flags as they were when a request began.
//!
//! Within a view each flag has one answer for a context, whatever is published meanwhile; documents that were written
//! together are seen together. A kill (`"enabled": false`) holds at once, and for the rest of the view. After the view's
//! time (10 s unless set) its reads are live. A thread sees the view of what it is running; [`swap_here`] sets it.
//! What was answered within views is remembered, for each flag and context, until something is published of the flag.

mod answers;
mod epoch;
mod memo;

/// The atomics of the epoch, in one place so that a model checker can stand in for them.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use self::answers::Answers;
pub(crate) use self::epoch::Epoch;
pub(crate) use self::memo::{Remembered, RememberedValue};
use crate::context::{self, ContextId, EvaluationContext};
use crate::provider::Answer;

/// How long a view lasts, unless set.
pub(crate) const DEFAULT_LENGTH: Duration = Duration::from_secs(10);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The epoch that lasts.
static CURRENT: LazyLock<ArcSwap<Epoch>> = LazyLock::new(|| ArcSwap::from_pointee(Epoch::new(0)));
/// Its number, for those who count themselves in and out.
static NUMBER: AtomicU64 = AtomicU64::new(0);
/// Whether flags may be settled again, since views have closed.
static IS_RELEASE_DUE: AtomicBool = AtomicBool::new(false);
/// The longest time that any view was given, in milliseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// The flags as they were at one moment. Open until it and its clones are dropped.
#[derive(Debug)]
pub(crate) struct View {
    epoch: Arc<Epoch>,
    /// When it is over; none if it was given up before.
    until: Option<Instant>,
    answers: Answers,
}

thread_local! {
    static HERE: RefCell<Option<View>> = const { RefCell::new(None) };
    /// The number of the epoch behind its own; 0 without a view. Apart, since what is never dropped is found at once.
    static HERE_END: Cell<u64> = const { Cell::new(0) };
    static MEMO: memo::Memo = const { memo::Memo::new() };
}

impl View {
    /// Begins now. Only [`store::open_view`](crate::store::open_view) calls it: the store must know that there are views.
    pub(crate) fn open(length: Duration) -> Self {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        // Before the view is counted: who finds its epoch open knows how long that may last. Loaded first, since it is
        // nearly always there, and requests must not fight over the cache line.
        if LONGEST.load(Ordering::Relaxed) < millis {
            LONGEST.fetch_max(millis, Ordering::Relaxed);
        }
        let epoch = Guard::into_inner(Epoch::enter(|| Current(CURRENT.load()), &NUMBER, make_release_due).0);
        // A time that no clock reaches is as good as a century.
        let now = Instant::now();
        let until = Some(now.checked_add(length).unwrap_or(now + CENTURY));
        Self { epoch, until, answers: Answers::default() }
    }

    /// The epoch that it shows; none once its time is over.
    fn shown(&self) -> Option<u64> {
        if self.until.is_none_or(|until| until <= Instant::now()) {
            // It may be what flags are still held for.
            make_release_due();
            return None;
        }
        Some(self.epoch.number())
    }
}

impl Clone for View {
    fn clone(&self) -> Self {
        self.epoch.enter_again();
        Self { epoch: Arc::clone(&self.epoch), until: self.until, answers: self.answers.shared() }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.epoch.leave(&NUMBER, make_release_due);
    }
}

/// The epoch that lasts, while somebody looks at it.
struct Current(Guard<Arc<Epoch>>);

impl Deref for Current {
    type Target = Epoch;

    fn deref(&self) -> &Epoch {
        &self.0
    }
}

/// Exchanges the view of this thread.
pub(crate) fn swap_here(view: &mut Option<View>) {
    let end = view.as_ref().map_or(0, |view| view.epoch.number() + 1);
    // A thread that is being torn down has no place for it, and reads live.
    if HERE.try_with(|place| std::mem::swap(&mut *place.borrow_mut(), view)).is_ok() {
        HERE_END.set(end);
    }
}

/// The view of this thread.
pub(crate) fn current() -> Option<View> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

/// Ends the view of this thread before its time: what is read from here on is live.
#[cfg(feature = "admin")]
pub(crate) fn end_here() {
    let _ = HERE.try_with(|here| {
        if let Some(view) = here.borrow_mut().as_mut() {
            view.until = None;
        }
    });
}

/// The epoch that a read here has to go by; none if it is live.
pub(crate) fn shown_here() -> Option<u64> {
    HERE.try_with(|here| here.borrow().as_ref().and_then(View::shown)).ok().flatten()
}

/// Whether this thread has a view, and what is in force of a flag since some epoch is what the view shows: then neither kills nor the
/// view's age need a look.
#[inline]
pub(crate) fn is_shown_here(since: u64) -> bool {
    since < HERE_END.get()
}

/// What a flag, known by where it lies, has answered before in a view, by what is in force of it since this epoch.
#[inline]
pub(crate) fn recall(flag: usize, since: u64, ctx: Option<&EvaluationContext>) -> Option<Remembered> {
    if !is_shown_here(since) {
        return None;
    }
    let ctx = id_of(ctx);
    MEMO.with(|memo| memo.get(flag, since, ctx))
}

/// Keeps an answer for the next read in a view; `since` was loaded before what is published.
#[inline]
pub(crate) fn remember(flag: usize, since: u64, ctx: Option<&EvaluationContext>, answer: Remembered) {
    if is_shown_here(since) {
        let ctx = id_of(ctx);
        MEMO.with(|memo| memo.put(flag, since, ctx, answer));
    }
}

/// What a provider has answered before in this view; else what `ask` gives, which is the answer for the rest of it.
pub(crate) fn answered_here(flag: usize, ctx: &EvaluationContext, ask: impl FnOnce() -> Arc<Answer>) -> Arc<Answer> {
    let answers = HERE.try_with(|here| {
        let here = here.borrow();
        let view = here.as_ref().filter(|view| view.shown().is_some())?;
        Some(view.answers.shared())
    });
    // The thread's place is free again while the provider is asked: that is users' code.
    match answers.ok().flatten() {
        Some(answers) => answers.get_or_keep(flag, ctx, ask),
        None => ask(),
    }
}

#[inline]
fn id_of(ctx: Option<&EvaluationContext>) -> ContextId {
    ctx.map_or_else(context::current_id, EvaluationContext::id)
}

/// The number of the epoch that lasts. The store only, under its lock.
pub(crate) fn number() -> u64 {
    NUMBER.load(Ordering::Relaxed)
}

/// Ends the epoch that lasts, and gives it. The store only, under its lock, behind what it publishes.
pub(crate) fn announce() -> Arc<Epoch> {
    let next = number() + 1;
    let over = CURRENT.swap(Arc::new(Epoch::new(next)));
    // Behind the epoch itself: whoever finds that the one it has counted itself into is over finds the next one. Release: see
    // `Epoch::enter`.
    NUMBER.store(next, Ordering::Release);
    over
}

/// After how long a view is over at the latest.
pub(crate) fn longest() -> Duration {
    Duration::from_millis(LONGEST.load(Ordering::Relaxed))
}

fn make_release_due() {
    // Release, with the acquire of `release_begins`: who goes by it finds the view counted out.
    IS_RELEASE_DUE.store(true, Ordering::Release);
}

/// Whether it is worth a look whether flags can be settled again.
#[inline]
pub(crate) fn is_release_due() -> bool {
    IS_RELEASE_DUE.load(Ordering::Relaxed)
}

/// The look is taken now.
pub(crate) fn release_begins() {
    IS_RELEASE_DUE.swap(false, Ordering::AcqRel);
}
