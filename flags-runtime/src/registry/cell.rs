//! The cell: what a read of a settled flag touches, and nothing else.
//!
//! One `AtomicU64`. Four patterns are reserved: `UNINIT`, the initial one, which is left once, and three for whatever is not settled,
//! by what a reader has to do. Every other pattern is the settled value's bits. Guaranteed: a settled read is one relaxed load and
//! one comparison, and no publish is ever lost to a reader. The only writers are the store, under its lock, and a first
//! reader through [`Cell::settle_first`]. tests/model checks every order in which these can meet.

use super::atomic::{AtomicU8, AtomicU64, Ordering, fence};

/// A flag's published state.
#[derive(Debug)]
pub(crate) struct Cell {
    state: AtomicU64,
    /// Whether a read is to be noticed: one of the three below. Once is enough, so a settled flag pays for one slow
    /// read per arming.
    attention: AtomicU8,
}

// Neighbours at the top, so that one comparison finds them all.
const SHARED: u64 = u64::MAX - 3;
const DECIDED: u64 = u64::MAX - 2;
const WATCHED: u64 = u64::MAX - 1;
const UNINIT: u64 = u64::MAX;

/// Nobody waits for a read.
const IDLE: u8 = 0;
/// The next read is to be noticed.
const ARMED: u8 = 1;
/// A read came; the cell may be settled again.
const SEEN: u8 = 2;

/// What a cell said to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nobody has published, and nobody has read before.
    Uninit,
    /// Somebody may want to see this read, or a publish is under way: look at everything.
    Watched,
    /// By the rule, which may ask who reads.
    Decided,
    /// Everybody gets the value that lies in what is published.
    Shared,
    /// The value's bits.
    Settled(u64),
}

impl Cell {
    /// A cell that nobody has published to.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU64::new(UNINIT), attention: AtomicU8::new(IDLE) }
    }

    /// A cell that nobody has published to.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { state: AtomicU64::new(UNINIT), attention: AtomicU8::new(IDLE) }
    }

    /// The settled bits, or none: the hot path.
    #[inline]
    pub(crate) fn settled(&self) -> Option<u64> {
        // Relaxed: settled bits are the whole answer, nothing else is read on their account.
        let state = self.state.load(Ordering::Relaxed);
        if state < SHARED { Some(state) } else { None }
    }

    /// What the cell says, ordered before a look at the rule.
    #[inline]
    pub(crate) fn read(&self) -> Reading {
        let state = self.state.load(Ordering::Relaxed);
        // Pairs with the release of `publish`: who sees their state sees the rule stored before it.
        fence(Ordering::Acquire);
        match state {
            UNINIT => Reading::Uninit,
            WATCHED => Reading::Watched,
            DECIDED => Reading::Decided,
            SHARED => Reading::Shared,
            bits => Reading::Settled(bits),
        }
    }

    /// Settles a cell that nobody has published to. The only write of a reader.
    pub(crate) fn settle_first(&self, bits: u64) {
        // A plain store would overwrite a publish that came between the reader's load and here; the exchange fails then,
        // and that is fine: relaxed, since success publishes nothing but the bits themselves.
        let _ = self.state.compare_exchange(UNINIT, settleable(bits), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Publishes settled bits. The store only, under its lock, after the rule.
    pub(crate) fn settle(&self, bits: u64) {
        self.publish(settleable(bits));
    }

    /// Lets readers look at everything. The store only, under its lock.
    pub(crate) fn watch(&self) {
        self.publish(WATCHED);
    }

    /// Sends readers to the rule. The store only, under its lock, after the rule.
    pub(crate) fn decide(&self) {
        self.publish(DECIDED);
    }

    /// Sends readers to the value in what is published. The store only, under its lock, after the rule.
    pub(crate) fn share(&self) {
        self.publish(SHARED);
    }

    fn publish(&self, state: u64) {
        // Release: see `read`. A swap, so that it and a first reader's exchange are ordered for a model checker too.
        self.state.swap(state, Ordering::Release);
    }

    /// Asks for the next read to be noticed; true if one had come that nobody has forgotten. The store only, under its
    /// lock, before it unsettles the cell.
    pub(crate) fn arm(&self) -> bool {
        // Release: the arming is there before the state that sends readers to look for it. Acquire: for the read that came.
        self.attention.swap(ARMED, Ordering::AcqRel) == SEEN
    }

    /// Whether no read came since the arming.
    pub(crate) fn is_armed(&self) -> bool {
        self.attention.load(Ordering::Acquire) == ARMED
    }

    /// Notes a slow read; true if the cell may be settled on account of it.
    #[inline]
    pub(crate) fn note_read(&self) -> bool {
        // The load first: slow reads of a flag that nobody watches must not fight over the cache line.
        match self.attention.load(Ordering::Relaxed) {
            IDLE => false,
            // Fails if another reader came first, which is as good.
            ARMED => {
                let _ = self.attention.compare_exchange(ARMED, SEEN, Ordering::AcqRel, Ordering::Relaxed);
                true
            }
            _ => true,
        }
    }

    /// Whether a read came since the arming, and nobody has forgotten it.
    pub(crate) fn is_seen(&self) -> bool {
        self.attention.load(Ordering::Acquire) == SEEN
    }

    /// Forgets a read that came; true if one had. The store only, under its lock, before it looks whether the cell is armed.
    pub(crate) fn forget_seen(&self) -> bool {
        self.attention.compare_exchange(SEEN, IDLE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

impl Default for Cell {
    fn default() -> Self {
        Self::new()
    }
}

/// A value whose bits are a reserved pattern stays slow, and correct.
fn settleable(bits: u64) -> u64 {
    if bits < SHARED { bits } else { DECIDED }
}
