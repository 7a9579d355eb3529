//! The bench: cases that take turns.

use std::fmt::Debug;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

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
    /// On two at once: by the clock, for each read of either; and whether nobody took a core from them.
    together: Vec<(f64, bool)>,
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
                taken.alone.push(time(reads, &case.run));
            }
            for (case, (&reads, taken)) in self.cases.iter().zip(reads.iter().zip(&mut taken)) {
                taken.together.push(time_together(reads, &case.run));
            }
            if let Some(change) = &self.writer {
                beside(change, || {
                    for (case, (&reads, taken)) in self.cases.iter().zip(reads.iter().zip(&mut taken)) {
                        taken.beside.push(time(reads, &case.run));
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
                together: taken.together(),
                beside: self.writer.as_ref().map(|_| ratio(&taken.alone, &taken.beside)),
                allocations: case.allocations,
            });
        }
        all
    }
}

impl Taken {
    /// How many times the reads of one thread two do. Rounds in which they had to share a core say nothing, unless most are such: then
    /// the threads wait for each other.
    fn together(&self) -> f64 {
        let rounds = || self.alone.iter().zip(&self.together);
        let all: Vec<_> = rounds().map(|(alone, (together, _))| alone / together).collect();
        let undisturbed: Vec<_> = rounds()
            .filter(|(_, (_, is_undisturbed))| *is_undisturbed)
            .map(|(alone, (together, _))| alone / together)
            .collect();
        median(if undisturbed.len() * 4 < all.len() { all } else { undisturbed })
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

/// Nanoseconds by the clock for each read.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn time(reads: u64, run: &(dyn Fn(u64) + Sync)) -> f64 {
    let start = Instant::now();
    run(reads);
    start.elapsed().as_nanos() as f64 / reads as f64
}

/// The same for each read of two threads at once, and whether each of them had a core for itself.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn time_together(reads: u64, run: &(dyn Fn(u64) + Sync)) -> (f64, bool) {
    let begin = Barrier::new(2);
    let timed = || {
        begin.wait();
        let (start, used) = (Instant::now(), ThreadTime::now());
        run(reads);
        (start.elapsed(), used.elapsed())
    };
    let (own, other) = thread::scope(|scope| {
        let other = scope.spawn(timed);
        let own = timed();
        (own, other.join().expect("a case panicked"))
    });
    let had_a_core = |(took, used): (Duration, Duration)| used.as_secs_f64() > 0.95 * took.as_secs_f64();
    (own.0.max(other.0).as_nanos() as f64 / (2 * reads) as f64, had_a_core(own) && had_a_core(other))
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
