//! Asking in the background, for providers that have no answer at hand.
//!
//! A question is asked once at a time, by as many threads as there are questions, 64 at most; idle ones end. Reads that do not fit
//! the queue are not asked for, and get what was kept or the declared default; nobody waits. Who prepares waits for a second at most.
//! Threads that hang are replaced, up to 192 of them. Once five questions of a flag hang, those of it that wait are given up: they
//! would take every thread. What comes later is for the flag's breaker to admit.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;

use super::Asked;
use super::kept::Question;

/// How many threads ask at once, and how many more may hang.
const THREADS: usize = 64;
const HUNG: usize = 192;
/// How many questions of reads wait at most, and how many of those who prepare.
const QUEUE: usize = 1024;
const PREPARED: usize = 65_536;
/// How many questions of a flag hang before those that wait are given up.
const HANGING: usize = 5;
/// After how long a provider that does not answer has failed.
const PATIENCE: Duration = Duration::from_secs(1);
/// After how long a thread without work ends.
const IDLE: Duration = Duration::from_secs(10);

/// Is dropped when what it waits for is done, or has taken too long.
pub(crate) type Wait = Arc<dyn Send + Sync>;

pub(super) struct Background {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that wait, and those that are asked now.
    questions: HashMap<Question, Asking, FxBuildHasher>,
    queue: VecDeque<Question>,
    threads: usize,
    idle: usize,
    /// How many questions of a flag are late and still asked.
    hanging: HashMap<&'static str, usize, FxBuildHasher>,
    is_stopped: bool,
}

struct Asking {
    asked: Arc<Asked>,
    waits: Vec<Wait>,
    queued: Instant,
    /// None while it waits.
    begun: Option<Instant>,
    is_late: bool,
}

impl State {
    /// The next question, which is asked from here on.
    fn take(&mut self) -> Option<(Arc<Asked>, Question)> {
        let question = self.queue.pop_front()?;
        let asking = self.questions.get_mut(&question)?;
        asking.begun = Some(Instant::now());
        Some((Arc::clone(&asking.asked), question))
    }

    /// Gives up what waits of a flag; who waits for it is told when this is dropped.
    fn give_up(&mut self, flag: &str) -> Vec<Asking> {
        let (given_up, left) = std::mem::take(&mut self.queue).into_iter().partition(|question| question.flag == flag);
        self.queue = left;
        let given_up: VecDeque<Question> = given_up;
        given_up.iter().filter_map(|question| self.questions.remove(question)).collect()
    }

    /// Counts another thread, if there is work for it and room.
    fn takes_thread(&mut self) -> bool {
        let hung = self.hanging.values().sum::<usize>().min(HUNG);
        let takes = !self.is_stopped && self.idle < self.queue.len() && self.threads < THREADS + hung;
        self.threads += usize::from(takes);
        takes
    }
}

impl Background {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds a question, and who waits for its answer; true if another thread is to be employed for it.
    pub(super) fn add(&self, asked: &Arc<Asked>, question: Question, wait: Option<Wait>) -> bool {
        if !question.is_itself() {
            return false;
        }
        let mut state = self.lock();
        if let Some(asking) = state.questions.get_mut(&question) {
            // Nobody begins to wait for what has taken too long already.
            asking.waits.extend(wait.filter(|_| asking.queued.elapsed() <= PATIENCE));
            return false;
        }
        let room = if wait.is_some() { PREPARED } else { QUEUE };
        if state.is_stopped || state.queue.len() >= room {
            return false;
        }
        let waits = wait.into_iter().collect();
        let asking = Asking { asked: Arc::clone(asked), waits, queued: Instant::now(), begun: None, is_late: false };
        state.questions.insert(question.clone(), asking);
        state.queue.push_back(question);
        self.changed.notify_one();
        state.takes_thread()
    }

    /// Whether another thread is to be employed for what waits, as [`add`](Self::add) says.
    pub(super) fn takes_thread(&self) -> bool {
        self.lock().takes_thread()
    }

    /// Asks what there is to be asked, until there is nothing for a while, or it is stopped. One call for each `true` of
    /// [`add`](Self::add) and [`takes_thread`](Self::takes_thread).
    pub(super) fn work(&self) {
        while let Some((asked, question)) = self.next() {
            // Somebody else may have asked the same meanwhile.
            if !asked.has_fresh(&question.ctx) {
                asked.fetch(&question.ctx);
            }
            let mut state = self.lock();
            let done = state.questions.remove(&question);
            if done.as_ref().is_some_and(|done| done.is_late)
                && let Some(hanging) = state.hanging.get_mut(question.flag)
            {
                *hanging -= 1;
            }
            drop(state);
            // Who waits for it is told.
            drop(done);
        }
    }

    fn next(&self) -> Option<(Arc<Asked>, Question)> {
        let mut state = self.lock();
        state.idle += 1;
        let is_idle = |state: &mut State| state.queue.is_empty() && !state.is_stopped;
        let waited = self.changed.wait_timeout_while(state, IDLE, is_idle);
        (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        let next = state.take();
        state.threads -= usize::from(next.is_none());
        next
    }

    /// A thread that was to be employed does not come.
    pub(super) fn has_no_thread(&self) {
        self.lock().threads -= 1;
    }

    /// The flags of questions that have become late since the last call, and whether it is the only one of its flag; who has waited for
    /// too long does so no longer.
    pub(super) fn late(&self) -> Vec<(Arc<Asked>, bool)> {
        let is_over = |since: Instant| since.elapsed() > PATIENCE;
        let (mut late, mut waits, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
        let mut state = self.lock();
        let State { questions, hanging, .. } = &mut *state;
        for (question, asking) in questions {
            if is_over(asking.queued) {
                waits.append(&mut asking.waits);
            }
            if !asking.is_late && asking.begun.is_some_and(is_over) {
                asking.is_late = true;
                let hanging = hanging.entry(question.flag).or_default();
                *hanging += 1;
                late.push((Arc::clone(&asking.asked), *hanging == 1));
                if *hanging >= HANGING {
                    given_up.push(question.flag);
                }
            }
        }
        let given_up: Vec<_> = given_up.into_iter().flat_map(|flag| state.give_up(flag)).collect();
        drop(state);
        drop((waits, given_up));
        late
    }

    /// Ends the work: a thread that waits for the provider ends when that answers.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        state.queue.clear();
        let waits: Vec<_> = state.questions.values_mut().flat_map(|asking| std::mem::take(&mut asking.waits)).collect();
        drop(state);
        self.changed.notify_all();
        // Those who wait for it are told.
        drop(waits);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a provider is caught before it gets here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
