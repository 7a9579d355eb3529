//! Turns: the tests of one file that start a source, one after the other, each from declared defaults.
//!
//! A source is process-wide, and what it said last stays in force after it stops: without turns, tests of one process
//! would see each other's flags.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Until this is dropped, no other test of the process has one.
#[derive(Debug)]
pub struct Turn {
    _lock: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits for the others, and makes every flag answer its declared default.
    pub fn take() -> Self {
        static TURNS: Mutex<()> = Mutex::new(());
        let lock = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        // A start without a source forgets all documents.
        drop(flags_runtime::builder().start().expect("no other source is running"));
        Self { _lock: lock }
    }
}
