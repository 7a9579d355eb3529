//! Inline runs: both sides in the caller's thread or task.
//!
//! Functions run one after the other, and the caller waits for both. Futures are polled side by side: the caller gets the
//! answer as soon as it is there, and a trial that is not over then is dropped.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::decided::Plan;
use super::experiment::{DEFAULT_DEADLINE, Experiment, Options, Order};
use super::project::Project;
use super::result::Verdict;
use super::rules::{Fault, Rules};
use super::run::{Failure, Purpose, Run, Seen};
use super::side::{
    Outcome, Panic, Role, Side, Time, caught, discard, judging, note_trial, on_trial, poll_caught, timed,
};
use super::timer::{self, Alarm, Alert};
use crate::random;

impl<K, P> Experiment<'_, K, P> {
    /// Runs what the flag has decided: one side alone, or both, where the trial runs once the answer is known. The caller
    /// gets what the answering side came to, its panic too; of the trial nothing reaches it but the time it takes.
    ///
    /// # Panics
    ///
    /// If the answering side does; and in a test that asked for it by `testing::fail_on_mismatch`.
    pub fn run<T>(self, legacy: impl FnOnce() -> T, body: impl FnOnce() -> T) -> T
    where
        P: Project<T, K>,
    {
        run(self.plan(0.0), || self, legacy, body, None::<fn() -> T>)
    }

    /// The same with A/A runs, in which legacy runs twice; see [`noise`](Self::noise).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_noisy<T>(self, legacy: impl Fn() -> T, body: impl FnOnce() -> T) -> T
    where
        P: Project<T, K>,
    {
        run(self.plan(self.options.noise), || self, &legacy, body, Some(&legacy))
    }

    /// Runs what the flag has decided, for futures: one alone, or both side by side in this task. The answer is not kept
    /// waiting: a trial that is not over then is dropped and counted. Needs no runtime; the future is `Send` if both
    /// sides and the result are.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub async fn run_async<T, L: Future<Output = T>, B: Future<Output = T>>(
        self,
        legacy: impl FnOnce() -> L,
        body: impl FnOnce() -> B,
    ) -> T
    where
        P: Project<T, K>,
    {
        run_async(self.plan(0.0), || self, legacy, body, None::<fn() -> L>).await
    }

    /// The same with A/A runs.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub async fn run_async_noisy<T, L: Future<Output = T>, B: Future<Output = T>>(
        self,
        legacy: impl Fn() -> L,
        body: impl FnOnce() -> B,
    ) -> T
    where
        P: Project<T, K>,
    {
        run_async(self.plan(self.options.noise), || self, &legacy, body, Some(&legacy)).await
    }

    fn both<T>(self, mut run: Box<Run>, answer: impl FnOnce() -> T, trial: impl FnOnce() -> T) -> T
    where
        P: Project<T, K>,
    {
        let Self { options, rules, project, .. } = self;
        let clock = options.clock();
        let start = clock.now();
        let ((answered, tried), answer_took) = if options.is_trial_first() {
            let tried = Side::on_trial(clock, trial);
            let (answered, time) = timed(clock, || caught(answer));
            ((Side { outcome: answered, elapsed: time.own }, tried), time.whole)
        } else {
            let (answered, time) = timed(clock, || caught(answer));
            let answered = Side { outcome: answered, elapsed: time.own };
            ((answered, Side::on_trial(clock, trial)), time.whole)
        };
        let role = run.purpose().answering();
        run.observe(role, &answered, |result| project.is_error(result));
        run.observe(role.other(), &tried, |result| project.is_error(result));
        let failure = if options.is_late(tried.elapsed) {
            run.end(Verdict::Late);
            None
        } else {
            judge(run, &rules, &project, role, &answered.outcome, &tried.outcome)
        };
        discard(tried.outcome);
        note_trial(clock.now().saturating_sub(start).saturating_sub(answer_took));
        answered_by(answered.outcome, failure)
    }

    async fn race<T, A: Future<Output = T>, B: Future<Output = T>>(
        self,
        mut run: Box<Run>,
        answer: impl FnOnce() -> A,
        trial: impl FnOnce() -> B,
    ) -> T
    where
        P: Project<T, K>,
    {
        let Self { options, rules, project, .. } = self;
        let is_trial_first = options.is_trial_first();
        // In blocks of ours, so that a panic of what makes the futures is caught as theirs.
        let mut answer = pin!(async move { answer().await });
        let mut place = pin!(Some(async move { trial().await }));
        let mut trial = Trial::new(place.as_mut(), &options);
        let mut answer_took = Time::default();
        let answered = poll_fn(|cx| {
            if is_trial_first {
                trial.poll(&options, cx, answer_took.own);
            }
            let (polled, took) = timed(options.clock(), || poll_caught(answer.as_mut(), cx));
            answer_took.whole += took.whole;
            answer_took.own += took.own;
            let ready = polled.map(|outcome| {
                // By the clock, waiting included, but without what trials took in this task.
                let since = options.clock().now().saturating_sub(trial.start);
                let trials = trial.took + answer_took.whole.saturating_sub(answer_took.own);
                Side { outcome, elapsed: since.saturating_sub(trials) }
            });
            // Once the answer is there nobody waits for the trial; but it shall have had one poll.
            if !is_trial_first && (ready.is_pending() || !trial.was_polled()) {
                trial.poll(&options, cx, answer_took.own);
            }
            if ready.is_pending() {
                trial.wake_when_late(&options, cx);
            }
            ready
        })
        .await;
        let role = run.purpose().answering();
        run.observe(role, &answered, |result| project.is_error(result));
        let mut failure = None;
        match trial.ended.take() {
            Some(tried) => {
                run.observe(role.other(), &tried, |result| project.is_error(result));
                if tried.elapsed > options.limit() {
                    run.end(Verdict::Late);
                } else {
                    failure = judge(run, &rules, &project, role, &answered.outcome, &tried.outcome);
                }
                discard(tried.outcome);
            }
            None if trial.is_late => run.end(Verdict::Late),
            None => run.end(Verdict::Unfinished),
        }
        drop(trial);
        answered_by(answered.outcome, failure)
    }
}

/// Does what was planned; the experiment is made only for a run. `again` is legacy once more, for A/A runs.
#[inline]
pub(super) fn run<'a, T, K, P: Project<T, K>>(
    plan: Plan,
    experiment: impl FnOnce() -> Experiment<'a, K, P>,
    legacy: impl FnOnce() -> T,
    body: impl FnOnce() -> T,
    again: Option<impl FnOnce() -> T>,
) -> T {
    match plan {
        Plan::Legacy => legacy(),
        Plan::Body => body(),
        Plan::Both(run) => match (run.purpose(), again) {
            (Purpose::Live, _) => experiment().both(run, body, legacy),
            (Purpose::Noise, Some(again)) => experiment().both(run, legacy, again),
            (Purpose::Shadow | Purpose::Noise, _) => experiment().both(run, legacy, body),
        },
    }
}

/// The same for futures.
pub(super) async fn run_async<'a, T, K, P: Project<T, K>, L: Future<Output = T>, B: Future<Output = T>>(
    plan: Plan,
    experiment: impl FnOnce() -> Experiment<'a, K, P>,
    legacy: impl FnOnce() -> L,
    body: impl FnOnce() -> B,
    again: Option<impl FnOnce() -> L>,
) -> T {
    match plan {
        Plan::Legacy => legacy().await,
        Plan::Body => body().await,
        Plan::Both(run) => match (run.purpose(), again) {
            (Purpose::Live, _) => experiment().race(run, body, legacy).await,
            (Purpose::Noise, Some(again)) => experiment().race(run, legacy, again).await,
            (Purpose::Shadow | Purpose::Noise, _) => experiment().race(run, legacy, body).await,
        },
    }
}

/// A future on trial. Dropped at its end, when it is late, or with this: whatever its drop does stays here.
struct Trial<'a, F: Future> {
    future: Pin<&'a mut Option<F>>,
    start: Duration,
    began: Instant,
    /// The time that polling it has taken.
    took: Duration,
    is_late: bool,
    ended: Option<Side<F::Output>>,
    /// Wakes the task when the time is up, with the waker that was the task's then.
    alert: Option<(Waker, Option<Alert>)>,
}

impl<'a, F: Future> Trial<'a, F> {
    fn new(future: Pin<&'a mut Option<F>>, options: &Options) -> Self {
        let (start, began) = (options.clock().now(), Instant::now());
        Self { future, start, began, took: Duration::ZERO, is_late: false, ended: None, alert: None }
    }

    fn was_polled(&self) -> bool {
        self.took > Duration::ZERO || self.ended.is_some()
    }

    /// Polls it; what the answer has taken in this task is not the trial's.
    fn poll(&mut self, options: &Options, cx: &mut Context<'_>, answer_took: Duration) {
        let Some(future) = self.future.as_mut().as_pin_mut() else { return };
        let (polled, took) = timed(options.clock(), || on_trial(|| poll_caught(future, cx)));
        note_trial(took.whole);
        // A clock that does not see so short a time is no reason to take it for none.
        self.took += took.whole.max(Duration::from_nanos(1));
        let elapsed = options.clock().now().saturating_sub(self.start).saturating_sub(answer_took);
        match polled {
            Poll::Ready(outcome) => self.ended = Some(Side { outcome, elapsed }),
            Poll::Pending if elapsed > options.limit() => self.is_late = true,
            Poll::Pending => return,
        }
        self.end();
    }

    /// Sees to it that a trial which nothing wakes is dropped in time: it may hold what the answer waits for.
    fn wake_when_late(&mut self, options: &Options, cx: &Context<'_>) {
        let is_set = self.alert.as_ref().is_some_and(|(waker, _)| waker.will_wake(cx.waker()));
        if is_set || self.future.is_none() {
            return;
        }
        // A limit that the clock cannot hold is none.
        let Some(at) = self.began.checked_add(options.limit() + Duration::from_millis(1)) else { return };
        self.alert = Some((cx.waker().clone(), timer::set(at, Alarm::Wake(cx.waker().clone()))));
    }

    fn end(&mut self) {
        self.alert = None;
        let _ = on_trial(|| caught(|| self.future.set(None)));
    }
}

impl<F: Future> Drop for Trial<'_, F> {
    fn drop(&mut self) {
        self.end();
        if let Some(side) = self.ended.take() {
            discard(side.outcome);
        }
    }
}

impl Options {
    fn is_trial_first(&self) -> bool {
        self.order == Order::Shuffled && random::share() < 0.5
    }

    fn is_late(&self, elapsed: Duration) -> bool {
        self.timeout.is_some_and(|timeout| elapsed > timeout)
    }

    /// How long a future, or what is detached, may take.
    pub(super) fn limit(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_DEADLINE)
    }
}

/// Compares what the two sides came to, and ends the run.
fn judge<T, K, P: Project<T, K>>(
    run: Box<Run>,
    rules: &Rules<'_, K>,
    project: &P,
    answering: Role,
    answered: &Outcome<T>,
    tried: &Outcome<T>,
) -> Failure {
    let (legacy, body) = if answering == Role::Legacy { (answered, tried) } else { (tried, answered) };
    let (mut run, mut failure) = (Some(run), None);
    let judged = judging(|| {
        lend(project, legacy, &mut |legacy| {
            lend(project, body, &mut |body| {
                if let Some(run) = run.take() {
                    failure = run.judge(rules, legacy, body);
                }
            });
        });
    });
    if let (Err(panic), Some(run)) = (judged, run) {
        run.end_faulty(&Fault::new("keep", &panic));
    }
    failure
}

fn lend<T, K, P: Project<T, K>>(project: &P, outcome: &Outcome<T>, see: &mut dyn FnMut(Seen<'_, K>)) {
    match outcome {
        Ok(result) => project.lend(result, &mut |kept| see(Ok(kept))),
        Err(panic) => see(Err(panic)),
    }
}

/// Gives the caller what the answering side came to. A test that wants to fail of a mismatch fails here, where nothing of
/// ours catches it; but a panic of the answer comes first.
pub(super) fn answered_by<T>(outcome: Result<T, Panic>, failure: Failure) -> T {
    match (outcome, failure) {
        (Err(panic), _) => panic.resume(),
        (Ok(_), Some(failure)) => panic!("{failure}"),
        (Ok(result), None) => result,
    }
}
