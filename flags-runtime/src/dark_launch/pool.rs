//! Pool: the few threads on which detached trials run that no runtime runs.
//!
//! Threads are started when there is work and end after a second without any, so that nothing is left that would have to
//! be stopped. How much waits is bounded, and so are the threads that are given up because their jobs do not end.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::side::caught;

type Work = Box<dyn FnOnce() + Send>;

const IDLE: Duration = Duration::from_secs(1);
const MOST_WORKERS: usize = 4;
/// With those that were given up because their jobs do not end.
const MOST_THREADS: usize = 64;
/// How many jobs wait at most.
const MOST_JOBS: usize = 4096;

static POOL: Pool =
    Pool { state: Mutex::new(State { jobs: VecDeque::new(), workers: 0, idle: 0, stuck: 0 }), work: Condvar::new() };

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Work>,
    workers: usize,
    idle: usize,
    /// Workers whose job does not end.
    stuck: usize,
}

/// Runs a job on a thread of the pool. False, and the job is gone, if too many wait or the system gives no thread at all.
pub(super) fn run(job: Work) -> bool {
    let mut state = POOL.state();
    if state.jobs.len() >= MOST_JOBS {
        drop(state);
        drop(caught(|| drop(job)));
        return false;
    }
    state.jobs.push_back(job);
    tend(state)
}

/// Sees to it that somebody does what waits. False if nobody can; then nothing waits any more.
fn tend(mut state: MutexGuard<'_, State>) -> bool {
    if state.jobs.len() <= state.idle {
        POOL.work.notify_one();
        return true;
    }
    if state.workers >= (most_workers() + state.stuck).min(MOST_THREADS) {
        return true;
    }
    state.workers += 1;
    drop(state);
    if thread::Builder::new().name("flags-shadow".to_owned()).spawn(work).is_ok() {
        return true;
    }
    let mut state = POOL.state();
    state.workers -= 1;
    if state.workers > 0 {
        return true;
    }
    let abandoned = std::mem::take(&mut state.jobs);
    drop(state);
    drop(caught(|| drop(abandoned)));
    false
}

/// How far a job is, for who may have to give it up.
#[derive(Default)]
pub(super) struct Job(Mutex<Progress>);

#[derive(Clone, Copy, Default, PartialEq)]
enum Progress {
    #[default]
    Waits,
    Runs,
    /// Given up, and it still runs.
    Stuck,
    Over,
}

impl Job {
    /// False if it was given up before.
    pub(super) fn begin(&self) -> bool {
        let mut progress = self.progress();
        let may_begin = *progress == Progress::Waits;
        if may_begin {
            *progress = Progress::Runs;
        }
        may_begin
    }

    pub(super) fn end(&self) {
        let before = std::mem::replace(&mut *self.progress(), Progress::Over);
        if before == Progress::Stuck {
            POOL.state().stuck -= 1;
        }
    }

    /// Gives it up; if it runs, another worker may take the place of the one that it keeps.
    pub(super) fn abandon(&self) {
        let mut progress = self.progress();
        match *progress {
            Progress::Waits => *progress = Progress::Over,
            Progress::Runs => {
                *progress = Progress::Stuck;
                // Still under the job's lock: the pool must not hear of its end before.
                let mut state = POOL.state();
                state.stuck += 1;
                if !state.jobs.is_empty() {
                    tend(state);
                }
            }
            Progress::Stuck | Progress::Over => {}
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn most_workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}

fn work() {
    let mut state = POOL.state();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            // What panics here is not a side, which is caught where it runs: it must not take the thread with it.
            let _ = caught(job);
            state = POOL.state();
            continue;
        }
        state.idle += 1;
        let (next, waited) = POOL.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
        state = next;
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() {
            state.workers -= 1;
            return;
        }
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code of users runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls a future on this thread until it is over or the time is up.
pub(super) fn block_on<F: Future>(future: F, until: Instant) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_ends_while_it_is_given_up_is_counted_out_again() {
        for _ in 0..2000 {
            let job = Job::default();
            assert!(job.begin());
            thread::scope(|scope| {
                scope.spawn(|| job.abandon());
                job.end();
            });
            assert!(!job.begin());
        }
        assert_eq!(POOL.state().stuck, 0);
    }

    #[test]
    fn a_future_is_polled_until_it_is_over_or_its_time_is_up() {
        let soon = Instant::now() + Duration::from_secs(10);
        assert_eq!(block_on(async { 1 }, soon), Some(1));
        assert_eq!(block_on(std::future::pending::<()>(), Instant::now()), None);
    }
}
