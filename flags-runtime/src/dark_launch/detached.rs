//! Detached runs: the caller gets its answer and goes, the trial runs afterwards elsewhere.
//!
//! A trial begins once the answer is known, of which it takes along what is compared. Functions run on a small pool of
//! threads; futures on the tokio runtime of the caller, where there is one and the feature `tokio` is on, else on the
//! pool. How many wait or run is bounded for each flag, and how long by a deadline.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::decided::Plan;
use super::experiment::{Experiment, Options};
use super::inline::answered_by;
use super::pool::{self, Job};
use super::project::{Own, Project};
use super::record::Record;
use super::result::Verdict;
use super::rules::{Fault, Rules};
use super::run::{Purpose, Run, Seen};
use super::side::{self, Outcome, Role, Side, discard, judging, on_trial, poll_caught};
use super::timer::{self, Alarm};
use crate::context::{carry, carry_async};

impl<K: Send + 'static, P: Send + 'static> Experiment<'static, K, P> {
    /// Answers, and lets the trial run on a thread of the pool. The caller waits for the answer and for what is kept of it,
    /// and for nothing else.
    ///
    /// # Panics
    ///
    /// If the answering side does.
    pub fn run_detached<T: 'static>(
        self,
        legacy: impl FnOnce() -> T + Send + 'static,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> T
    where
        P: Own<T, K>,
    {
        let (plan, seat) = seated(self.plan(0.0), self.options.max_in_flight);
        run(plan, seat, || self, legacy, body, None::<fn() -> T>)
    }

    /// The same for futures: the answer is awaited, then the trial is spawned. On tokio with the feature `tokio`; else on
    /// the pool, where futures that need a runtime panic, which is recorded.
    ///
    /// # Panics
    ///
    /// If the answering side does.
    pub async fn run_detached_async<T, L, B>(
        self,
        legacy: impl FnOnce() -> L + Send + 'static,
        body: impl FnOnce() -> B + Send + 'static,
    ) -> T
    where
        T: Send + 'static,
        L: Future<Output = T> + Send + 'static,
        B: Future<Output = T> + Send + 'static,
        P: Own<T, K>,
    {
        let (plan, seat) = seated(self.plan(0.0), self.options.max_in_flight);
        run_async(plan, seat, || self, legacy, body, None::<fn() -> L>).await
    }

    fn detach<T: 'static>(
        self,
        run: Box<Run>,
        seat: Option<Seat>,
        answered: Side<T>,
        trial: impl FnOnce() -> T + Send + 'static,
    ) -> T
    where
        P: Own<T, K>,
    {
        if let Some(later) = self.later(run, seat, &answered) {
            detach(later, carry(trial));
        }
        answered_by(answered.outcome, None)
    }

    fn detach_future<T, F>(self, run: Box<Run>, seat: Option<Seat>, answered: Side<T>, trial: F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
        P: Own<T, K>,
    {
        if let Some(later) = self.later(run, seat, &answered) {
            spawn(later, carry_async(trial));
        }
        answered_by(answered.outcome, None)
    }

    /// All that is needed to judge the trial later; none if nothing could be kept of the answer.
    fn later<T>(self, mut run: Box<Run>, seat: Option<Seat>, answered: &Side<T>) -> Option<Later<K, P>>
    where
        P: Own<T, K>,
    {
        let Self { options, rules, project, .. } = self;
        let answering = run.purpose().answering();
        run.observe(answering, answered, |result| project.is_error(result));
        let kept = match &answered.outcome {
            Ok(result) => match judging(|| project.own(result)) {
                Ok(kept) => Ok(kept),
                Err(panic) => {
                    run.end_faulty(&Fault::new("keep", &panic));
                    return None;
                }
            },
            Err(panic) => Err(panic.copy()),
        };
        let limit = options.limit();
        // A limit that the clock cannot hold is none; a century will do.
        let now = Instant::now();
        let deadline = now.checked_add(limit).unwrap_or(now + Duration::from_secs(100 * 365 * 24 * 3600));
        Some(Later { run, _seat: seat, options, rules, project, answering, kept, deadline })
    }
}

/// The plan with a seat among the trials in flight; where there is none the run is shed, and one side alone answers.
pub(super) fn seated(plan: Plan, max: usize) -> (Plan, Option<Seat>) {
    let Plan::Both(run) = plan else { return (plan, None) };
    if let Some(seat) = Seat::take(&run.record, max) {
        return (Plan::Both(run), Some(seat));
    }
    let alone = run.purpose().alone();
    run.end(Verdict::Shed);
    (alone, None)
}

/// Does what was planned; the experiment is made only for a run. `again` is legacy once more, for A/A runs.
pub(super) fn run<T: 'static, K: Send + 'static, P: Own<T, K> + Send + 'static>(
    plan: Plan,
    seat: Option<Seat>,
    experiment: impl FnOnce() -> Experiment<'static, K, P>,
    legacy: impl FnOnce() -> T + Send + 'static,
    body: impl FnOnce() -> T + Send + 'static,
    again: Option<impl FnOnce() -> T + Send + 'static>,
) -> T {
    let run = match plan {
        Plan::Legacy => return legacy(),
        Plan::Body => return body(),
        Plan::Both(run) => run,
    };
    let experiment = experiment();
    let clock = experiment.options.clock();
    match (run.purpose(), again) {
        (Purpose::Live, _) => {
            let answered = Side::answering(clock, body);
            experiment.detach(run, seat, answered, legacy)
        }
        (Purpose::Noise, Some(again)) => {
            let answered = Side::answering(clock, legacy);
            experiment.detach(run, seat, answered, again)
        }
        (Purpose::Shadow | Purpose::Noise, _) => {
            let answered = Side::answering(clock, legacy);
            experiment.detach(run, seat, answered, body)
        }
    }
}

/// The same for futures.
pub(super) async fn run_async<T, K, P, L, B>(
    plan: Plan,
    seat: Option<Seat>,
    experiment: impl FnOnce() -> Experiment<'static, K, P>,
    legacy: impl FnOnce() -> L + Send + 'static,
    body: impl FnOnce() -> B + Send + 'static,
    again: Option<impl FnOnce() -> L + Send + 'static>,
) -> T
where
    T: Send + 'static,
    K: Send + 'static,
    P: Own<T, K> + Send + 'static,
    L: Future<Output = T> + Send + 'static,
    B: Future<Output = T> + Send + 'static,
{
    let run = match plan {
        Plan::Legacy => return legacy().await,
        Plan::Body => return body().await,
        Plan::Both(run) => run,
    };
    let experiment = experiment();
    match (run.purpose(), again) {
        (Purpose::Live, _) => {
            let answered = answering(&experiment.options, async move { body().await }).await;
            experiment.detach_future(run, seat, answered, async move { legacy().await })
        }
        (Purpose::Noise, Some(again)) => {
            let answered = answering(&experiment.options, async move { legacy().await }).await;
            experiment.detach_future(run, seat, answered, async move { again().await })
        }
        (Purpose::Shadow | Purpose::Noise, _) => {
            let answered = answering(&experiment.options, async move { legacy().await }).await;
            experiment.detach_future(run, seat, answered, async move { body().await })
        }
    }
}

/// A place among the trials of a flag that wait or run.
pub(super) struct Seat(Arc<Record>);

impl Seat {
    fn take(record: &Arc<Record>, max: usize) -> Option<Self> {
        // Relaxed: a number that stands alone.
        let taken = record
            .in_flight()
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < max).then_some(taken + 1));
        taken.is_ok().then(|| Self(Arc::clone(record)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.in_flight().fetch_sub(1, Ordering::Relaxed);
    }
}

/// A run whose answer is given, and whose trial is to come. Dropped before that it is unfinished.
struct Later<K, P> {
    run: Box<Run>,
    _seat: Option<Seat>,
    options: Options,
    rules: Rules<'static, K>,
    project: P,
    answering: Role,
    kept: Outcome<K>,
    deadline: Instant,
}

impl<K, P> Later<K, P> {
    fn conclude<T>(self, tried: Side<T>)
    where
        P: Project<T, K>,
    {
        let Self { mut run, _seat, rules, project, answering, kept, deadline, .. } = self;
        run.observe(answering.other(), &tried, |result| project.is_error(result));
        if Instant::now() > deadline {
            run.end(Verdict::Late);
        } else {
            let mut run = Some(run);
            let judged = judging(|| {
                let mut judge = |tried: Seen<'_, K>| {
                    let Some(run) = run.take() else { return };
                    let (legacy, body) = match answering {
                        Role::Legacy => (kept.as_ref(), tried),
                        Role::Body => (tried, kept.as_ref()),
                    };
                    // A test that wants to fail has been told of it; here is nobody to fail.
                    run.judge(&rules, legacy, body);
                };
                match &tried.outcome {
                    Ok(result) => project.lend(result, &mut |result| judge(Ok(result))),
                    Err(panic) => judge(Err(panic)),
                }
            });
            if let (Err(panic), Some(run)) = (judged, run) {
                run.end_faulty(&Fault::new("keep", &panic));
            }
        }
        discard(tried.outcome);
    }

    /// Ends with what the trial came to; none if the time was up.
    fn over<T>(self, tried: Option<Side<T>>)
    where
        P: Project<T, K>,
    {
        match tried {
            Some(tried) => self.conclude(tried),
            None => self.run.end(Verdict::Late),
        }
    }
}

/// Runs a trial on the pool. At the deadline the run is late, whatever the trial is about: it may never end.
fn detach<T, K, P>(later: Later<K, P>, trial: impl FnOnce() -> T + Send + 'static)
where
    T: 'static,
    K: Send + 'static,
    P: Project<T, K> + Send + 'static,
{
    let (clock, deadline) = (later.options.shared_clock(), later.deadline);
    let slot = Arc::new(Slot { later: Mutex::new(Some(later)), job: Job::default() });
    let too_late = Arc::clone(&slot);
    let alert = timer::set(
        deadline,
        Alarm::Call(Box::new(move || {
            if let Some(later) = too_late.take() {
                too_late.job.abandon();
                later.run.end(Verdict::Late);
            }
        })),
    );
    let job = Arc::clone(&slot);
    let is_taken = pool::run(Box::new(move || {
        let _alert = alert;
        if job.is_over() || !job.job.begin() {
            return;
        }
        let tried = Side::on_trial(&*clock, trial);
        job.job.end();
        match job.take() {
            Some(later) => later.conclude(tried),
            None => discard(tried.outcome),
        }
    }));
    if !is_taken && let Some(later) = slot.take() {
        later.run.end(Verdict::Shed);
    }
}

/// A run that its trial ends, or the timer: who comes first takes it.
struct Slot<K, P> {
    later: Mutex<Option<Later<K, P>>>,
    job: Job,
}

impl<K, P> Slot<K, P> {
    fn take(&self) -> Option<Later<K, P>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_over(&self) -> bool {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Awaits the side that answers.
async fn answering<T>(options: &Options, future: impl Future<Output = T>) -> Side<T> {
    timed(options, future, |poll| poll()).await
}

/// Awaits the side that is tried.
async fn trying<T>(options: &Options, future: impl Future<Output = T>) -> Side<T> {
    timed(options, future, |poll| on_trial(poll)).await
}

async fn timed<T, F: Future<Output = T>>(
    options: &Options,
    future: F,
    around: impl Fn(&mut dyn FnMut() -> Poll<Outcome<T>>) -> Poll<Outcome<T>>,
) -> Side<T> {
    let start = options.clock().now();
    let mut future = pin!(future);
    let mut trials = Duration::ZERO;
    let outcome = poll_fn(|cx| {
        let (polled, took) = side::timed(options.clock(), || around(&mut || poll_caught(future.as_mut(), cx)));
        trials += took.whole.saturating_sub(took.own);
        polled
    })
    .await;
    Side { outcome, elapsed: options.clock().now().saturating_sub(start).saturating_sub(trials) }
}

/// Runs a trial in the background. What cannot be run there is dropped, and so unfinished.
fn spawn<T, F, K, P>(later: Later<K, P>, trial: F)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
    K: Send + 'static,
    P: Project<T, K> + Send + 'static,
{
    #[cfg(feature = "tokio")]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let left = later.deadline.saturating_duration_since(Instant::now());
        runtime.spawn(async move {
            let trial = trying(&later.options, trial);
            let tried = match judging(|| drop(tokio::time::sleep(left))) {
                Ok(()) => tokio::time::timeout(left, trial).await.ok(),
                // The runtime's timer is off: better no deadline than no trial.
                Err(panic) => {
                    later.run.record.note_fault(&Fault::new("deadline", &panic).to_string());
                    Some(trial.await)
                }
            };
            later.over(tried);
        });
        return;
    }
    pool::run(Box::new(move || {
        let tried = pool::block_on(trying(&later.options, trial), later.deadline);
        later.over(tried);
    }));
}
