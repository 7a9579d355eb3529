//! Open views and the store: what they do not see yet is kept beside what is in force, and not settled.
//!
//! A batch of publishes ends an epoch. A view goes by what was in force in its own, so each flag that is replaced keeps it for as
//! long as a view of that epoch is open, and is slow meanwhile. A process that opens no view pays nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant};

use super::{Replaced, STORE, lock, write_cell};
use crate::registry::declaration::FlagCore;
use crate::rules::rule::{Earlier, Published};
use crate::view::{self, Epoch, View};

/// What is held for open views. Under the store's lock.
pub(super) struct Held {
    /// Whether any view was ever opened.
    has_views: bool,
    /// Epochs that are over and may have open views, the oldest first.
    past: Vec<PastEpoch>,
    /// The flags that keep something for them.
    cores: Vec<&'static FlagCore>,
}

struct PastEpoch {
    epoch: Arc<Epoch>,
    ended: Instant,
}

/// Opens a view that lasts for so long.
pub(crate) fn open_view(length: Duration) -> View {
    static IS_KNOWN: AtomicBool = AtomicBool::new(false);
    // Acquire, as the lock would: whoever finds it known opens a view behind whoever made it known.
    if !IS_KNOWN.load(Ordering::Acquire) {
        // Under the lock, so a publish either knows of views, or is over before the first one begins.
        lock().held.has_views = true;
        IS_KNOWN.store(true, Ordering::Release);
    }
    View::open(length)
}

/// Called by slow reads of a flag that is held: the first one behind the end of the last view settles it. Never waits.
pub(crate) fn release_if_due() {
    if !view::is_release_due() {
        return;
    }
    let mut state = match STORE.try_lock() {
        Ok(state) => state,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // It stays due.
        Err(TryLockError::WouldBlock) => return,
    };
    let mut replaced = Replaced::new();
    state.held.release(&mut replaced);
    drop(state);
    // A value's `Drop` is users' code, and its panic is none of this reader's.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(replaced)));
}

impl Held {
    pub(super) const NOTHING: Self = Self { has_views: false, past: Vec::new(), cores: Vec::new() };

    /// What comes into force, with what open views still go by.
    pub(super) fn beside_earlier(&mut self, core: &'static FlagCore, next: Option<Published>) -> Option<Published> {
        // A kill holds in open views too. With what was before it goes what they could come back to, should it be lifted.
        if !self.has_views || next.as_ref().is_some_and(Published::is_kill) {
            return next;
        }
        let now = core.published.load_full();
        let mut earlier = now.as_ref().map(|now| now.earlier.clone()).unwrap_or_default();
        let was = now.filter(|now| now.is_something()).map(|now| Arc::new(now.alone()));
        // It is in the list if it kept something already.
        if earlier.is_empty() {
            self.cores.push(core);
        }
        earlier.push(Earlier { until: self.next_epoch().unwrap_or_default(), published: was });
        let mut from = 0;
        earlier.retain(|Earlier { until, .. }| {
            let epochs = std::mem::replace(&mut from, *until)..*until;
            // In the epoch that lasts, a view may begin at any time.
            epochs.contains(&view::number())
                || self.past.iter().any(|past| epochs.contains(&past.epoch.number()) && past.may_have_views())
        });
        Some(Published { earlier, ..next.unwrap_or(Published::NOTHING) })
    }

    /// The number of the epoch that begins behind this batch; none before the first view.
    pub(super) fn next_epoch(&self) -> Option<u64> {
        self.has_views.then(|| view::number() + 1)
    }

    /// Ends the epoch that lasts.
    pub(super) fn end_batch(&mut self) {
        if self.has_views {
            let epoch = view::announce();
            self.past.push(PastEpoch { epoch, ended: Instant::now() });
        }
    }

    /// Settles what no open view goes by something earlier of.
    pub(super) fn release(&mut self, replaced: &mut Replaced) {
        view::release_begins();
        self.past.retain(PastEpoch::may_have_views);
        let oldest = self.past.first().map_or(u64::MAX, |past| past.epoch.number());
        self.cores.retain(|core| {
            let published = core.published.load_full();
            let last = published.as_ref().and_then(|published| published.earlier.last());
            // A kill has let go of it.
            let Some(Earlier { until, .. }) = last else { return false };
            if oldest < *until {
                return true;
            }
            let alone = published.as_deref().map(Published::alone).filter(Published::is_something);
            replaced.push(core.published.swap(alone.map(Arc::new)));
            write_cell(core);
            false
        });
    }
}

impl PastEpoch {
    fn may_have_views(&self) -> bool {
        self.epoch.is_open() && self.ended.elapsed() <= view::longest()
    }
}
