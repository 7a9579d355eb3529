//! The bench: cases that take turns.

use std::fmt::Debug;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Settings, Table, factor, median, nanoseconds};

/// One turn of one case.
const TURN: Duration = Duration::from_millis(4);
/// Between two changes of a writer: 1,000 a second.
const PACE: Duration = Duration::from_millis(1);

/// Reads in one step of the loop; their number is a multiple.
const UNROLLED: u64 = 4;

/// Cases that are measured in one run.
#[derive(Default)]
pub struct Bench<'b> {
    cases: Vec<Case<'b>>,
    writer: Option<Box<dyn Fn() + Sync + 'b>>,
}

struct Case<'b> {
    label: String,
    is_floor: bool,
    /// Reads so many times, a multiple of [`UNROLLED`].
    run: Box<dyn Fn(u64) + Sync + 'b>,
    allocations: Option<u64>,
}

/// What a case took: medians of all rounds.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Of one read on one thread, in nanoseconds.
    pub time: f64,
    /// How many times that of the floor before it; none for a floor, and without one.
    pub to_floor: Option<f64>,
    /// How many times the reads of one thread two at once do.
    pub together: f64,
    /// The same of one thread beside a writer.
    pub beside: Option<f64>,
    /// Heap allocations of one read; none without the feature `allocations`.
    pub allocations: Option<u64>,
}

/// What one case took, round by round; times are nanoseconds of one read.
#[derive(Default)]
struct Taken {
    /// On one thread.
    alone: Vec<f64>,
    /// On two at once: by the clock, for each read of either.
    together: Vec<f64>,
    /// On one thread, beside a writer.
    beside: Vec<f64>,
}

impl<'b> Bench<'b> {
    /// No cases.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the cases behind it are compared with.
    ///
    /// # Panics
    ///
    /// If it answers something else than is expected.
    pub fn floor<T: PartialEq + Debug>(&mut self, label: &str, expected: &T, read: impl Fn() -> T + Sync + 'b) {
        self.add(label, true, expected, |run| run(), read);
    }

    /// Adds a case.
    ///
    /// # Panics
    ///
    /// If it answers something else than is expected.
    pub fn case<T: PartialEq + Debug>(&mut self, label: &str, expected: &T, read: impl Fn() -> T + Sync + 'b) {
        self.add(label, false, expected, |run| run(), read);
    }

    /// Adds a case whose reads happen within something that is there before the first and gone behind the last.
    ///
    /// # Panics
    ///
    /// If it answers something else than is expected.
    pub fn case_within<T: PartialEq + Debug>(
        &mut self,
        label: &str,
        expected: &T,
        within: impl Fn(&mut dyn FnMut()) + Sync + 'b,
        read: impl Fn() -> T + Sync + 'b,
    ) {
        self.add(label, false, expected, within, read);
    }

    fn add<T: PartialEq + Debug>(
        &mut self,
        label: &str,
        is_floor: bool,
        expected: &T,
        within: impl Fn(&mut dyn FnMut()) + Sync + 'b,
        read: impl Fn() -> T + Sync + 'b,
    ) {
        let mut allocated = None;
        within(&mut || {
            // What a thread makes once, it has behind these.
            for _ in 0..3 {
                let answer = read();
                assert!(answer == *expected, "{label}: answers {answer:?}, expected is {expected:?}");
            }
            allocated = allocations(&read);
        });
        let run = move |reads| {
            within(&mut || {
                for _ in 0..reads / UNROLLED {
                    // Written out, or the loop around a read of half a nanosecond is most of what is measured.
                    black_box(read());
                    black_box(read());
                    black_box(read());
                    black_box(read());
                }
            });
        };
        self.cases.push(Case { label: label.to_owned(), is_floor, run: Box::new(run), allocations: allocated });
    }

    /// Measures each case also beside a thread that publishes 1,000 changes a second; `change` publishes one.
    pub fn writer(&mut self, change: impl Fn() + Sync + 'b) {
        self.writer = Some(Box::new(change));
    }

    /// Measures all cases, and makes the table of them.
    pub fn run(&self, what: &str, settings: &Settings) -> Table {
        let mut head = vec![what, "one thread", "to its floor", "two threads do"];
        if self.writer.is_some() {
            head.push("beside 1,000 changes a second");
        }
        if cfg!(feature = "allocations") {
            head.push("allocations");
        }
        let mut table = Table::new(&head);
        for (case, measured) in self.cases.iter().zip(self.measure(settings)) {
            let Measured { time, to_floor, together, beside, allocations } = measured;
            let mut row = vec![
                if case.is_floor { format!("floor: {}", case.label) } else { case.label.clone() },
                nanoseconds(time),
                to_floor.map(factor).unwrap_or_default(),
                factor(together),
            ];
            row.extend(beside.map(factor));
            row.extend(allocations.map(|count| count.to_string()));
            table.row(row);
        }
        table
    }

    /// Heap allocations of one read of each case, in the order in which they were added; none without the feature `allocations`.
    pub fn allocations(&self) -> Vec<Option<u64>> {
        self.cases.iter().map(|case| case.allocations).collect()
    }

    /// Measures all cases, in the order in which they were added.
    pub fn measure(&self, settings: &Settings) -> Vec<Measured> {
        let turn = if settings.is_test { Duration::from_micros(50) } else { TURN };
        let reads: Vec<_> = self.cases.iter().map(|case| reads_in(turn, &case.run)).collect();
        let mut taken: Vec<_> = self.cases.iter().map(|_| Taken::default()).collect();
        let end = Instant::now() + if settings.is_test { Duration::ZERO } else { settings.time };
        loop {
            for (case, (&reads, taken)) in self.cases.iter().zip(reads.iter().zip(&mut taken)) {
                taken.alone.push(time(1, reads, &case.run));
            }
            for (case, (&reads, taken)) in self.cases.iter().zip(reads.iter().zip(&mut taken)) {
                taken.together.push(time(2, reads, &case.run));
            }
            if let Some(change) = &self.writer {
                beside(change, || {
                    for (case, (&reads, taken)) in self.cases.iter().zip(reads.iter().zip(&mut taken)) {
                        taken.beside.push(time(1, reads, &case.run));
                    }
                });
            }
            if Instant::now() >= end {
                break;
            }
        }
        let mut floor: Option<&Taken> = None;
        let mut all = Vec::new();
        for (case, taken) in self.cases.iter().zip(&taken) {
            if case.is_floor {
                floor = Some(taken);
            }
            all.push(Measured {
                time: median(taken.alone.clone()),
                to_floor: floor.filter(|_| !case.is_floor).map(|floor| ratio(&taken.alone, &floor.alone)),
                together: ratio(&taken.alone, &taken.together),
                beside: self.writer.as_ref().map(|_| ratio(&taken.alone, &taken.beside)),
                allocations: case.allocations,
            });
        }
        all
    }
}

/// The median of the rounds' ratios.
fn ratio(times: &[f64], floors: &[f64]) -> f64 {
    median(times.iter().zip(floors).map(|(time, floor)| time / floor).collect())
}

/// How many reads a turn has.
fn reads_in(turn: Duration, run: &(dyn Fn(u64) + Sync)) -> u64 {
    let mut reads = UNROLLED;
    loop {
        let start = Instant::now();
        run(reads);
        if start.elapsed() >= turn / 2 {
            return reads;
        }
        reads *= 2;
    }
}

/// Nanoseconds by the clock for each read, on so many threads at once.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn time(threads: u32, reads: u64, run: &(dyn Fn(u64) + Sync)) -> f64 {
    let timed = || {
        let start = Instant::now();
        run(reads);
        start.elapsed()
    };
    let longest = if threads == 1 {
        timed()
    } else {
        let begin = Barrier::new(threads as usize);
        let start = || {
            begin.wait();
            timed()
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(start)).collect();
            let own = start();
            others.into_iter().map(|other| other.join().expect("a case panicked")).fold(own, Duration::max)
        })
    };
    longest.as_nanos() as f64 / (reads * u64::from(threads)) as f64
}

/// Does something while a thread publishes changes at the pace.
fn beside(change: &(dyn Fn() + Sync), work: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut due = Instant::now();
            while !is_over.load(Ordering::Relaxed) {
                change();
                due += PACE;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        work();
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Heap allocations of one call, once it is warm.
#[cfg(feature = "allocations")]
#[allow(clippy::unnecessary_wraps, reason = "without the feature there are none")]
fn allocations<T>(read: impl Fn() -> T) -> Option<u64> {
    Some(allocation_counter::measure(|| drop(black_box(read()))).count_total)
}

#[cfg(not(feature = "allocations"))]
fn allocations<T>(_: impl Fn() -> T) -> Option<u64> {
    None
}
