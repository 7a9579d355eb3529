//! The publish protocol of a flag, model-checked: every order in which its loads and stores can happen.
//!
//! The cell and the epochs are the files that ship, compiled with loom's atomics. The rule and the store's lock are stood in for by an
//! atomic number and loom's mutex; the order of their operations is that of `store.rs` and `flag.rs`.
#![cfg(loom)]
#![cfg(test)]

#[path = "../../../flags-runtime/src/registry/cell.rs"]
mod cell;
#[path = "../../../flags-runtime/src/view/epoch.rs"]
mod epoch;
mod views;

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
}

use loom::sync::{Arc, Mutex};
use loom::thread;

use atomic::{AtomicU64, Ordering};
use cell::{Cell, Reading};

const DEFAULT: u64 = 7;

/// A flag whose every rule is the same for everybody: rule n answers n.
struct Model {
    cell: Cell,
    rule: AtomicU64,
    /// Whether a read was moved here from the cell, and nobody was told of it.
    store: Mutex<bool>,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self { cell: Cell::new(), rule: AtomicU64::new(DEFAULT), store: Mutex::new(false) })
    }

    /// `store::write_cell`
    fn write_cell(&self, is_read: &mut bool) {
        *is_read |= self.cell.forget_seen();
        if self.cell.is_armed() { self.cell.watch() } else { self.cell.settle(self.rule.load(Ordering::Relaxed)) }
    }

    /// `store::apply`
    fn publish(&self, rule: u64) {
        let mut is_read = self.store.lock().unwrap();
        self.rule.store(rule, Ordering::Release);
        self.write_cell(&mut is_read);
    }

    /// `store::track_reads`
    fn arm(&self) {
        let mut is_read = self.store.lock().unwrap();
        self.cell.arm();
        self.write_cell(&mut is_read);
    }

    /// `store::take_read`
    fn take_read(&self) -> bool {
        let mut is_read = self.store.lock().unwrap();
        *is_read |= self.cell.forget_seen();
        if !self.cell.is_armed() || self.cell.settled().is_some() {
            *is_read |= self.cell.arm();
            if self.cell.read() != Reading::Uninit {
                self.write_cell(&mut is_read);
            }
        }
        std::mem::take(&mut is_read)
    }

    /// `Flag::get`
    fn read(&self) -> u64 {
        if let Some(bits) = self.cell.settled() {
            return bits;
        }
        if self.cell.read() == Reading::Uninit {
            self.cell.settle_first(DEFAULT);
        }
        if self.cell.note_read() {
            if let Ok(mut is_read) = self.store.try_lock() {
                self.write_cell(&mut is_read);
            }
        }
        self.rule.load(Ordering::Acquire)
    }
}

#[test]
fn no_publish_is_lost_to_a_first_reader() {
    loom::model(|| {
        let flag = Model::new();
        let reader = thread::spawn({
            let flag = Arc::clone(&flag);
            move || flag.read()
        });
        flag.publish(1);
        assert!([DEFAULT, 1].contains(&reader.join().unwrap()));
        assert_eq!(flag.cell.settled(), Some(1));
    });
}

#[test]
fn a_reader_that_is_sent_to_the_rule_sees_the_rule_it_was_sent_to() {
    loom::model(|| {
        let flag = Model::new();
        flag.arm();
        let publisher = thread::spawn({
            let flag = Arc::clone(&flag);
            move || {
                let _locked = flag.store.lock().unwrap();
                flag.rule.store(1, Ordering::Release);
                flag.cell.settle(1);
                flag.rule.store(2, Ordering::Release);
                flag.cell.decide();
            }
        });
        let first = flag.cell.settled();
        if first == Some(1) && flag.cell.read() == Reading::Decided {
            assert_eq!(flag.rule.load(Ordering::Relaxed), 2, "DECIDED was stored after rule 2");
        }
        publisher.join().unwrap();
    });
}

#[test]
fn no_publish_is_lost_to_a_reader_that_settles_an_armed_flag() {
    loom::model(|| {
        let flag = Model::new();
        flag.arm();
        let reader = thread::spawn({
            let flag = Arc::clone(&flag);
            move || flag.read()
        });
        flag.publish(1);
        reader.join().unwrap();
        assert!(!flag.cell.is_armed(), "the read was noticed");
        assert_eq!(flag.read(), 1);
        assert_eq!(flag.read(), 1);
        assert_eq!(flag.cell.settled(), Some(1), "two reads after the last publish settle it at the latest");
    });
}

#[test]
fn two_publishers_and_a_reader_end_at_the_last_rule() {
    loom::model(|| {
        let flag = Model::new();
        let publisher = thread::spawn({
            let flag = Arc::clone(&flag);
            move || flag.publish(1)
        });
        flag.read();
        flag.publish(2);
        publisher.join().unwrap();
        assert_eq!(flag.cell.settled(), Some(flag.rule.load(Ordering::Relaxed)));
    });
}

#[test]
fn a_read_after_a_report_is_in_the_next_one_whatever_met_the_one_before() {
    loom::model(|| {
        let flag = Model::new();
        let reader = thread::spawn({
            let flag = Arc::clone(&flag);
            move || flag.read()
        });
        // Meets the very first read of the flag.
        flag.take_read();
        reader.join().unwrap();
        flag.take_read();
        assert_eq!(flag.read(), DEFAULT);
        assert!(flag.take_read(), "the read was noticed");
        assert!(!flag.take_read(), "and told once");
    });
}

#[test]
fn no_publish_and_no_read_is_lost_to_a_report() {
    loom::model(|| {
        let flag = Model::new();
        flag.publish(1);
        flag.take_read();
        let reader = thread::spawn({
            let flag = Arc::clone(&flag);
            move || flag.read()
        });
        let first = flag.take_read();
        reader.join().unwrap();
        assert!(first || flag.take_read(), "the read is in one of the reports");
        assert_eq!(flag.read(), 1);
        assert_eq!(flag.read(), 1);
        assert_eq!(flag.cell.settled(), Some(1), "two reads after a report settle it at the latest");
        assert!(!flag.cell.is_seen(), "nothing is left in a settled cell");
    });
}
