//! Records: what is known of each flag's runs, in bounded memory.
//!
//! Counts are atomics; latencies, kinds and the last mismatches stand behind one lock per flag, under which no code of
//! users runs. A record is made by the first run of a flag and lives as long as the process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "tracing")]
use std::time::Instant;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;

use super::latency::Latencies;
use super::report::{Mismatch, Report};
use super::result::{Ended, ShadowResult, Verdict};
use super::side::Role;
use super::text;
use crate::registry::Declaration;

/// How many mismatches are kept, the last ones.
pub(super) const RING: usize = 32;
/// How many kinds of mismatch are told apart.
pub(super) const KINDS: usize = 64;
pub(super) const OTHER_KINDS: &str = "other kinds";

/// How long `tracing` hears of no other mismatch of a flag.
#[cfg(feature = "tracing")]
const PAUSE: Duration = Duration::from_secs(1);

static RECORDS: LazyLock<ArcSwap<FxHashMap<&'static str, Arc<Record>>>> = LazyLock::new(ArcSwap::default);

/// What is known of one flag's runs.
pub(super) struct Record {
    declaration: &'static Declaration,
    since: SystemTime,
    runs: AtomicU64,
    verdicts: [AtomicU64; Verdict::ALL.len()],
    noise_runs: AtomicU64,
    noise_mismatches: AtomicU64,
    faults: AtomicU64,
    /// Detached trials that wait or run.
    in_flight: AtomicUsize,
    sides: [SideCounts; 2],
    tail: Mutex<Tail>,
}

#[derive(Default)]
struct SideCounts {
    errors: AtomicU64,
    panics: AtomicU64,
}

/// What needs a lock.
struct Tail {
    latencies: [Latencies; 2],
    kinds: Vec<(String, u64)>,
    mismatches: VecDeque<Mismatch>,
    last_fault: Option<String>,
    /// When `tracing` was last told of a mismatch, and how many it was not told of since.
    #[cfg(feature = "tracing")]
    told: (Option<Instant>, u64),
}

/// The record of a flag.
pub(super) fn of(declaration: &'static Declaration) -> Arc<Record> {
    let name = declaration.name();
    if let Some(record) = RECORDS.load().get(name) {
        return Arc::clone(record);
    }
    let own = Arc::new(Record::new(declaration));
    RECORDS.rcu(|known| {
        let mut known = FxHashMap::clone(known);
        known.entry(name).or_insert_with(|| Arc::clone(&own));
        known
    });
    RECORDS.load().get(name).map_or(own, Arc::clone)
}

/// The record of a flag that has had runs.
pub(super) fn known(name: &str) -> Option<Arc<Record>> {
    RECORDS.load().get(name).cloned()
}

/// All records, sorted by the flags' names.
pub(super) fn all() -> Vec<Arc<Record>> {
    let mut all: Vec<_> = RECORDS.load().values().cloned().collect();
    all.sort_unstable_by_key(|record| record.declaration.name());
    all
}

pub(super) fn note_fault(flag: &str, step: &str, message: &str) {
    if let Some(record) = known(flag) {
        record.note_fault(&format!("`{step}` panicked: {message}"));
    }
}

impl Record {
    fn new(declaration: &'static Declaration) -> Self {
        Self {
            declaration,
            since: SystemTime::now(),
            runs: AtomicU64::new(0),
            verdicts: Default::default(),
            noise_runs: AtomicU64::new(0),
            noise_mismatches: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            sides: Default::default(),
            tail: Mutex::new(Tail {
                latencies: [Latencies::new(), Latencies::new()],
                kinds: Vec::new(),
                mismatches: VecDeque::new(),
                last_fault: None,
                #[cfg(feature = "tracing")]
                told: (None, 0),
            }),
        }
    }

    pub(super) fn flag(&self) -> &'static str {
        self.declaration.name()
    }

    pub(super) fn declaration(&self) -> &'static Declaration {
        self.declaration
    }

    pub(super) fn in_flight(&self) -> &AtomicUsize {
        &self.in_flight
    }

    pub(super) fn begin(&self) {
        // Relaxed, here and below: counts stand for themselves, nothing is published with them.
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, verdict: Verdict) {
        // Release, for `report`: who sees this sees that the run had begun.
        self.verdicts[verdict as usize].fetch_add(1, Ordering::Release);
    }

    pub(super) fn end_noise(&self, is_mismatch: bool) {
        self.noise_runs.fetch_add(1, Ordering::Relaxed);
        self.noise_mismatches.fetch_add(is_mismatch.into(), Ordering::Relaxed);
    }

    pub(super) fn observe(&self, sides: &[(Role, Ended, Duration)]) {
        for (role, ended, _) in sides {
            let counts = &self.sides[*role as usize];
            match ended {
                Ended::Returned => {}
                Ended::Failed => drop(counts.errors.fetch_add(1, Ordering::Relaxed)),
                Ended::Panicked => drop(counts.panics.fetch_add(1, Ordering::Relaxed)),
            }
        }
        let mut tail = self.tail();
        for (role, _, duration) in sides {
            tail.latencies[*role as usize].record(*duration);
        }
    }

    pub(super) fn note_mismatch(&self, result: &ShadowResult) {
        let kind = result.kind().unwrap_or_default();
        let mismatch = Mismatch::of(result);
        let mut tail = self.tail();
        let Tail { kinds, mismatches, .. } = &mut *tail;
        count_kind(kinds, kind, 1);
        if mismatches.len() == RING {
            mismatches.pop_front();
        }
        mismatches.push_back(mismatch);
    }

    pub(super) fn note_fault(&self, fault: &str) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let fault = text::cut(text::LONGEST, |to| to.write_str(fault));
        self.tail().last_fault = Some(fault);
    }

    /// Whether `tracing` is to be told of a mismatch now, and of how many it was not told before.
    #[cfg(feature = "tracing")]
    pub(super) fn may_tell(&self) -> Option<u64> {
        let mut tail = self.tail();
        let (last, suppressed) = &mut tail.told;
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            *suppressed += 1;
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(suppressed))
    }

    /// A number that grows with whatever is counted.
    pub(super) fn stamp(&self) -> u64 {
        let counts = [&self.runs, &self.noise_runs, &self.faults].into_iter().chain(&self.verdicts);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn report(&self) -> Report {
        // The verdicts first: a run that ends meanwhile is counted as one that still runs, never the other way round.
        let verdicts = std::array::from_fn(|at| self.verdicts[at].load(Ordering::Acquire));
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tail = self.tail();
        let mut report = Report::empty(self.flag());
        report.processes = 1;
        report.since = Some(self.since);
        report.at = Some(SystemTime::now());
        report.verdicts = verdicts;
        report.runs = count(&self.runs);
        report.noise_runs = count(&self.noise_runs);
        report.noise_mismatches = count(&self.noise_mismatches);
        report.faults = count(&self.faults);
        report.last_fault.clone_from(&tail.last_fault);
        report.kinds.clone_from(&tail.kinds);
        report.sort_kinds();
        report.mismatches = tail.mismatches.iter().cloned().collect();
        for (side, role) in [(&mut report.legacy, Role::Legacy), (&mut report.body, Role::Body)] {
            let counts = &self.sides[role as usize];
            side.errors = count(&counts.errors);
            side.panics = count(&counts.panics);
            side.latencies = tail.latencies[role as usize].clone();
        }
        report
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // No code of users runs under the lock, and ours leaves it whole.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds to the count of a kind; beyond a number of them all that are new are one.
pub(super) fn count_kind(kinds: &mut Vec<(String, u64)>, kind: &str, times: u64) {
    let kind = if kinds.len() >= KINDS && kinds.iter().all(|(known, _)| known != kind) { OTHER_KINDS } else { kind };
    match kinds.iter_mut().find(|(known, _)| known == kind) {
        Some((_, count)) => *count += times,
        None => kinds.push((kind.to_owned(), times)),
    }
}
