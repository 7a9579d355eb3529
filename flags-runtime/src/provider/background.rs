//! Asking in the background: a few threads and a queue, for providers that have no answer at hand.
//!
//! What does not fit the queue is not asked, and its reader is told so by its declared default; nobody waits. The same question is
//! asked once at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Asked;
use crate::context::EvaluationContext;

/// How many threads ask at once.
pub(crate) const WORKERS: usize = 4;
/// How many questions wait at most.
const QUEUE: usize = 1024;
/// After how long a provider that does not answer has failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Is dropped when what it waits for is done.
pub(crate) type Wait = Arc<dyn Send + Sync>;

/// A question.
pub(super) struct Job {
    pub(super) asked: Arc<Asked>,
    pub(super) ctx: EvaluationContext,
    /// Who waits for the answer.
    pub(super) wait: Option<Wait>,
    pub(super) since: Instant,
}

pub(super) struct Background {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    queue: VecDeque<Job>,
    /// What is being asked now.
    running: Vec<Running>,
    has_workers: bool,
    is_stopped: bool,
}

struct Running {
    asked: Arc<Asked>,
    ctx: EvaluationContext,
    wait: Option<Wait>,
    since: Instant,
    is_late: bool,
}

impl Job {
    fn asks(&self, asked: &Arc<Asked>, ctx: &EvaluationContext) -> bool {
        Arc::ptr_eq(&self.asked, asked) && self.ctx == *ctx
    }
}

impl Background {
    pub(super) fn new() -> Self {
        let state = State { queue: VecDeque::new(), running: Vec::new(), has_workers: false, is_stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a question, unless it waits already; true if there is nobody yet who would ask.
    pub(super) fn add(&self, job: Job) -> bool {
        let mut state = self.lock();
        if state.is_stopped || state.queue.len() >= QUEUE {
            return false;
        }
        // Who waits for the answer does so for a question of its own, which costs nothing once the answer is there.
        let is_asked = job.wait.is_none()
            && (state.queue.iter().any(|other| other.asks(&job.asked, &job.ctx))
                || state.running.iter().any(|running| job.asks(&running.asked, &running.ctx)));
        if is_asked {
            return false;
        }
        state.queue.push_back(job);
        self.changed.notify_one();
        !std::mem::replace(&mut state.has_workers, true)
    }

    /// Asks what there is to be asked, until it is stopped.
    pub(super) fn work(&self) {
        while let Some((asked, ctx)) = self.next() {
            // Somebody else may have asked the same meanwhile.
            if !asked.has_fresh(&ctx) {
                asked.fetch(&ctx);
            }
            let mut state = self.lock();
            let at = state
                .running
                .iter()
                .position(|running| Arc::ptr_eq(&running.asked, &asked) && running.ctx.id() == ctx.id());
            let done = at.map(|at| state.running.swap_remove(at));
            drop(state);
            // Who waits for it is told.
            drop(done);
        }
    }

    fn next(&self) -> Option<(Arc<Asked>, EvaluationContext)> {
        let waited = self.changed.wait_while(self.lock(), |state| state.queue.is_empty() && !state.is_stopped);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            return None;
        }
        let Job { asked, ctx, wait, since: _ } = state.queue.pop_front()?;
        let (running, of) = (Arc::clone(&asked), ctx.clone());
        state.running.push(Running { asked: running, ctx: of, wait, since: Instant::now(), is_late: false });
        Some((asked, ctx))
    }

    /// The questions that have become late since the last call; who waits for one does so no longer.
    pub(super) fn late(&self) -> Vec<Arc<Asked>> {
        let mut state = self.lock();
        let late = state.running.iter_mut().filter(|running| !running.is_late && running.since.elapsed() > PATIENCE);
        let late = late.map(|running| {
            running.is_late = true;
            (Arc::clone(&running.asked), running.wait.take())
        });
        let (late, mut waits): (Vec<_>, Vec<_>) = late.unzip();
        // Behind such as hang, nobody waits for a question that is not even asked yet.
        let queued = state.queue.iter_mut().filter(|job| job.since.elapsed() > PATIENCE);
        waits.extend(queued.map(|job| job.wait.take()));
        drop(state);
        drop(waits);
        late
    }

    /// Ends the work: a thread that waits for the provider ends when that answers.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        self.changed.notify_all();
        // Those who wait for it are told.
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a provider is caught before it gets here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
