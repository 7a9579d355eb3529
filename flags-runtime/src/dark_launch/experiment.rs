//! Experiments: a dark launch by hand, for those who want no macro. The attribute and `dark_launch!` expand to one.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::decided::{Decided, Plan};
use super::project::{Fallible, Keep, Whole};
use super::rules::{Rules, Show, either};
use super::stage::{LaunchValue, Stage};
use crate::clock::{Clock, Monotonic};
use crate::context::EvaluationContext;
use crate::flag::Flag;
use crate::registry::Declaration;

/// One call of a function that is being replaced: who answers, who is tried, and how the two are compared.
///
/// `K` is what is compared: the result itself, or what [`keep`](Self::keep) makes of it. The flag decides
/// ([`Stage`], or a bool for off and shadow) when the experiment is made; then one of the `run` methods runs it.
///
/// ```
/// use flags_runtime::dark_launch::Experiment;
/// use flags_runtime::{Flag, feature_flag};
///
/// #[feature_flag(name = "new_total", default = false, expires = "2099-03-01")]
/// static NEW_TOTAL: Flag<bool>;
///
/// fn total(prices: &[u64]) -> u64 {
///     Experiment::new(&NEW_TOTAL)
///         .sample(10.0)
///         .run(|| prices.iter().sum(), || prices.iter().fold(0, |sum, price| sum + price))
/// }
///
/// # fn main() {
/// assert_eq!(total(&[1, 2]), 3);
/// # }
/// ```
#[must_use = "an experiment does nothing until it is run"]
pub struct Experiment<'a, K, P = Whole> {
    declaration: &'static Declaration,
    stage: Stage,
    context: Option<EvaluationContext>,
    pub(super) options: Options,
    pub(super) rules: Rules<'a, K>,
    pub(super) project: P,
}

pub(super) struct Options {
    /// Percent of the calls.
    pub(super) sample: f64,
    /// Percent of the runs.
    pub(super) noise: f64,
    pub(super) timeout: Option<Duration>,
    pub(super) order: Order,
    pub(super) max_in_flight: usize,
    clock: Option<Arc<dyn Clock>>,
}

/// Which side runs first; of futures, which is polled first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The one that answers, so that the trial cannot disturb it.
    #[default]
    AnswerFirst,
    /// Either, by chance at each run: for measuring both in the same caches.
    Shuffled,
}

/// How many detached trials of one flag wait or run at once, unless set.
pub const DEFAULT_IN_FLIGHT: usize = 64;
/// How long a trial may take, unless set: a future's, or a detached one's with its waiting.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

impl Options {
    pub(super) fn shared_clock(&self) -> Arc<dyn Clock> {
        self.clock.clone().unwrap_or_else(|| Arc::new(Monotonic))
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_deref().unwrap_or(&Monotonic)
    }
}

impl<'a, K: PartialEq + fmt::Debug + 'a> Experiment<'a, K> {
    /// An experiment that the flag decides for the ambient context. It leaves no call-site record; `dark_launch!` does.
    pub fn new<T: LaunchValue>(flag: &'static Flag<T>) -> Self {
        Self::decided(Decided::new(flag, None))
    }

    /// The same for a context, which reaches the results: its attributes are the way to attach anything to a run.
    pub fn new_for<T: LaunchValue>(flag: &'static Flag<T>, ctx: &EvaluationContext) -> Self {
        Self::decided(Decided::new(flag, Some(ctx)))
    }

    #[doc(hidden)]
    pub fn decided(decided: Decided<'_>) -> Self {
        Self::with(decided, Whole, Rules { compare: Box::new(PartialEq::eq), ignore: Vec::new(), show: Show::debug() })
    }

    /// Compares what `keep` makes of a result instead of the whole: results that cannot be compared, or of which only a
    /// part counts. Call it first, with the type named: `Experiment::<Vec<u32>>::new(&FLAG).keep(Hits::ids)`.
    pub fn keep<T, F: Fn(&T) -> K>(self, keep: F) -> Experiment<'a, K, Keep<F>> {
        let Self { declaration, stage, context, options, rules, project: Whole } = self;
        Experiment { declaration, stage, context, options, rules, project: Keep(keep) }
    }
}

impl<'a, V, E> Experiment<'a, Result<V, E>>
where
    V: PartialEq + fmt::Debug + 'a,
    E: fmt::Display + fmt::Debug + 'a,
{
    /// An experiment on a function that can fail, whose errors are compared by their text. See [`Experiment::new`].
    pub fn new_fallible<T: LaunchValue>(flag: &'static Flag<T>) -> Experiment<'a, Result<V, E>, Fallible<Whole>> {
        Self::decided_fallible(Decided::new(flag, None))
    }

    /// The same for a context.
    pub fn new_fallible_for<T: LaunchValue>(
        flag: &'static Flag<T>,
        ctx: &EvaluationContext,
    ) -> Experiment<'a, Result<V, E>, Fallible<Whole>> {
        Self::decided_fallible(Decided::new(flag, Some(ctx)))
    }

    fn decided_fallible(decided: Decided<'_>) -> Experiment<'a, Result<V, E>, Fallible<Whole>> {
        let values = Box::new(|legacy: &V, body: &V| legacy == body);
        let errors = Box::new(|legacy: &E, body: &E| format!("{legacy:#}") == format!("{body:#}"));
        Experiment::with(
            decided,
            Fallible(Whole),
            Rules { compare: either(values, errors), ignore: Vec::new(), show: Show::debug() },
        )
    }
}

impl<'a, K, P> Experiment<'a, K, P> {
    pub(super) fn with(decided: Decided<'_>, project: P, rules: Rules<'a, K>) -> Self {
        let Decided { declaration, stage, context } = decided;
        let options = Options {
            sample: 100.0,
            noise: 0.0,
            timeout: None,
            order: Order::default(),
            max_in_flight: DEFAULT_IN_FLIGHT,
            clock: None,
        };
        Self { declaration, stage, context: context.cloned(), options, rules, project }
    }

    /// The context that reaches the results; it does not change what the flag has decided.
    pub fn context(mut self, ctx: &EvaluationContext) -> Self {
        self.context = Some(ctx.clone());
        self
    }

    /// How many of the calls are runs, in percent: 100 unless set, 0 for none. What is outside of 0 to 100 is taken for the
    /// nearer end, NaN for 0.
    pub fn sample(mut self, percent: impl Into<f64>) -> Self {
        self.options.sample = percent.into();
        self
    }

    /// How many of the runs in stage shadow are A/A runs, in percent: legacy against legacy, to learn how much of the
    /// mismatch is noise. 0 unless set. Only where legacy can be run twice: by [`run_noisy`](Self::run_noisy) and
    /// [`run_async_noisy`](Self::run_async_noisy).
    pub fn noise(mut self, percent: impl Into<f64>) -> Self {
        self.options.noise = percent.into();
        self
    }

    /// Whether two results count as the same, instead of by `PartialEq`.
    pub fn compare(mut self, compare: impl Fn(&K, &K) -> bool + Send + 'a) -> Self {
        self.rules.compare = Box::new(compare);
        self
    }

    /// A difference that does not count: given legacy's result and the new function's. Of several any is enough, and those
    /// behind the first that holds are not asked. Runs that differ so are counted apart.
    pub fn ignore(mut self, ignore: impl Fn(&K, &K) -> bool + Send + 'a) -> Self {
        self.rules.ignore.push(Box::new(ignore));
        self
    }

    /// What is stored of a result that is part of a mismatch, instead of its `Debug`. It does not change what is compared
    /// or returned. Who cleans lets the texts leave the process: to Redis and to `tracing`.
    pub fn clean<D: fmt::Display>(mut self, clean: impl Fn(&K) -> D + Send + 'a) -> Self
    where
        K: 'a,
    {
        self.rules.show = self.rules.show.clean(clean);
        self
    }

    /// How long a trial may take; one that takes longer is counted as late and not compared. Unless set, 10 s for futures and
    /// for what is detached; an inline function may take as long as it likes. A future that is late is dropped, a function
    /// that blocks cannot be interrupted.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Which side runs first. Means nothing for detached trials, which run once the answer is known.
    pub fn order(mut self, order: Order) -> Self {
        self.options.order = order;
        self
    }

    /// How many detached trials of this flag wait or run at once; those beyond are shed and counted. 64 unless set.
    pub fn max_in_flight(mut self, max: usize) -> Self {
        self.options.max_in_flight = max;
        self
    }

    /// Another clock than the system's monotonic one, for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.options.clock = Some(clock);
        self
    }

    /// Begins a run, or says which side answers alone.
    pub(super) fn plan(&self, noise: f64) -> Plan {
        let Self { declaration, stage, context, options, .. } = self;
        Decided { declaration, stage: *stage, context: context.as_ref() }.plan(options.sample, noise)
    }
}

impl<K, P> fmt::Debug for Experiment<'_, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Experiment")
            .field("flag", &self.declaration.name())
            .field("stage", &self.stage)
            .field("sample", &self.options.sample)
            .field("timeout", &self.options.timeout)
            .field("order", &self.options.order)
            .field("result", &PhantomData::<fn() -> K>)
            .finish_non_exhaustive()
    }
}
