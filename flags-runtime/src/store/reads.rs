//! Reads and the store: who wants to see them makes flags slow, and who has seen them lets them settle again.
//!
//! A flag that nobody watches stays settled. `tracked` and reported reads cost one slow read per flag and interval; hooks make
//! every read slow for as long as there are any.

use std::sync::TryLockError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{STORE, lock, make_default, write_cell};
use crate::registry::cell::Reading;
use crate::registry::declaration::FlagCore;
use crate::registry::{RegisteredFlag, registry};

/// Makes the first read of every flag noticed, for `status().unread`.
pub(crate) fn track_reads() {
    let cores = || registry().flags().iter().flat_map(RegisteredFlag::cores);
    cores().for_each(|core| make_default(core));
    let mut state = lock();
    state.tracks_reads = true;
    for core in cores() {
        let _ = core.cell.arm();
        write_cell(core);
        core.was_read.store(false, Ordering::Relaxed);
    }
}

/// Makes every read slow for as long as `change` says: somebody wants to see them all. `change` runs under the lock.
pub(crate) fn watch_every_read(change: impl FnOnce() -> bool) {
    let cores = || registry().flags().iter().flat_map(RegisteredFlag::cores);
    cores().for_each(|core| make_default(core));
    let _state = lock();
    IS_EVERY_READ_WATCHED.store(change(), Ordering::Relaxed);
    cores().for_each(|core| write_cell(core));
}

/// Written under the lock.
static IS_EVERY_READ_WATCHED: AtomicBool = AtomicBool::new(false);

/// Whether somebody wants to see every read.
#[inline]
pub(crate) fn is_every_read_watched() -> bool {
    // Relaxed: under the lock it is as written, and a reader may hear of it a little later.
    IS_EVERY_READ_WATCHED.load(Ordering::Relaxed)
}

/// The keys of the flags that were read since the last call. From here on the next read of every flag is noticed again.
pub(crate) fn take_read() -> Vec<&'static str> {
    let _state = lock();
    let was_read = |flag: &&RegisteredFlag| {
        // All of its cells: no short cut.
        flag.cores().iter().filter(|core| take_read_of(core)).count() > 0
    };
    registry().flags().iter().filter(was_read).map(|flag| flag.declaration().key()).collect()
}

/// The lock is held.
fn take_read_of(core: &FlagCore) -> bool {
    note_seen(core, core.cell.forget_seen());
    // A cell that is armed and settled all the same met its very first reader in the middle of the arming.
    if !core.cell.is_armed() || core.cell.settled().is_some() {
        // A read may have come since the line above.
        note_seen(core, core.cell.arm());
        // A cell that nobody has read or published to sends its first reader here anyway, and that one may have to run a
        // user's `default_fn`.
        if core.cell.read() != Reading::Uninit {
            write_cell(core);
        }
    }
    core.is_read_unreported.swap(false, Ordering::Relaxed)
}

/// Notes a read that the cell has told of, and knows no more. The lock is held.
pub(super) fn note_seen(core: &FlagCore, is_seen: bool) {
    if is_seen {
        core.was_read.store(true, Ordering::Relaxed);
        core.is_read_unreported.store(true, Ordering::Relaxed);
    }
}

/// Makes the next read of a settled flag noticed once.
pub(crate) fn arm(core: &FlagCore) {
    let _state = lock();
    if core.cell.settled().is_some() && core.cell.read() != Reading::Uninit {
        note_seen(core, core.cell.arm());
        write_cell(core);
    }
}

/// Called by each slow read: the first one after an arming settles the cell again, and is told so. Never waits.
#[inline]
pub(crate) fn note_read(core: &FlagCore) -> bool {
    let is_first = core.cell.note_read();
    if is_first {
        settle_after_read(core);
    }
    is_first
}

#[cold]
fn settle_after_read(core: &FlagCore) {
    match STORE.try_lock() {
        Ok(_state) => write_cell(core),
        Err(TryLockError::Poisoned(_state)) => write_cell(core),
        // Whoever has the lock may have found the cell still armed; then the next slow read settles it.
        Err(TryLockError::WouldBlock) => {}
    }
}
