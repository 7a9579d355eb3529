//! Expanded: what a gated function calls once its flag has decided. Not for users.
//!
//! Unlike the methods of [`Experiment`], these make one only for a run: a call that is none pays for the draw alone. The
//! arguments are dealt out before: the answering side gets the originals, the trial clones.

use super::decided::{Decided, Plan};
use super::detached::{self, Seat};
use super::experiment::Experiment;
use super::inline;
use super::project::{Own, Project};
use super::rules::Fault;
use super::run::Purpose;
use super::side::judging;

/// One call of a gated function.
pub struct Call {
    plan: Plan,
    /// Only of a detached trial.
    seat: Option<Seat>,
}

impl Decided<'_> {
    #[doc(hidden)]
    #[inline]
    pub fn call(&self, sample: f64, noise: f64) -> Call {
        Call { plan: self.plan(sample, noise), seat: None }
    }

    /// The same with nothing borrowed, for the experiment: a run has the context already, and an argument may be dealt from
    /// which it came.
    #[doc(hidden)]
    #[inline]
    pub fn without_context(self) -> Decided<'static> {
        Decided { context: None, ..self }
    }

    #[doc(hidden)]
    pub fn call_detached(&self, sample: f64, noise: f64, max_in_flight: usize) -> Call {
        let (plan, seat) = detached::seated(self.plan(sample, noise), max_in_flight);
        Call { plan, seat }
    }
}

/// What was dealt to a side that is about to run.
#[inline]
pub fn dealt<T>(argument: Option<T>) -> T {
    argument.unwrap_or_else(|| unreachable!("a side runs with the arguments that were dealt to it"))
}

impl Call {
    #[inline]
    pub fn is_legacy_alone(&self) -> bool {
        matches!(self.plan, Plan::Legacy)
    }

    /// The arguments of the trial, if there is one. If their `Clone` panics there is none.
    #[inline]
    pub fn clones<C>(&mut self, make: impl FnOnce() -> C) -> Option<C> {
        if matches!(self.plan, Plan::Both(_)) { self.made(make) } else { None }
    }

    /// The same once more for an A/A run, in which legacy runs twice and the body has its clones for nothing.
    pub fn clones_for_noise<C>(&mut self, make: impl FnOnce() -> C) -> Option<C> {
        let is_noise = matches!(&self.plan, Plan::Both(run) if run.purpose() == Purpose::Noise);
        if is_noise { self.made(make) } else { None }
    }

    fn made<C>(&mut self, make: impl FnOnce() -> C) -> Option<C> {
        match judging(make) {
            Ok(clones) => Some(clones),
            Err(panic) => {
                let Plan::Both(run) = std::mem::replace(&mut self.plan, Plan::Legacy) else { return None };
                self.plan = run.purpose().alone();
                self.seat = None;
                run.end_faulty(&Fault::new("Clone of the arguments", &panic));
                None
            }
        }
    }

    /// An argument for legacy, if legacy runs, and one for the body.
    #[inline]
    pub fn deal<T>(&self, original: T, clone: Option<T>) -> (Option<T>, T) {
        match (&self.plan, clone) {
            (Plan::Both(run), Some(clone)) if run.purpose() != Purpose::Live => (Some(original), clone),
            (_, clone) => (clone, original),
        }
    }

    /// The same for `self`, which cannot be bound anew: the body finds its own in the place.
    #[inline]
    pub fn deal_in_place<T>(&self, place: &mut T, clone: Option<T>) -> Option<T> {
        match (&self.plan, clone) {
            (Plan::Both(run), Some(clone)) if run.purpose() != Purpose::Live => Some(std::mem::replace(place, clone)),
            (_, clone) => clone,
        }
    }

    #[inline]
    pub fn run<'a, T, K, P: Project<T, K>>(
        self,
        experiment: impl FnOnce() -> Experiment<'a, K, P>,
        legacy: impl FnOnce() -> T,
        body: impl FnOnce() -> T,
        again: Option<impl FnOnce() -> T>,
    ) -> T {
        inline::run(self.plan, experiment, legacy, body, again)
    }

    pub fn run_async<'a, T, K, P: Project<T, K>, L: Future<Output = T>, B: Future<Output = T>>(
        self,
        experiment: impl FnOnce() -> Experiment<'a, K, P>,
        legacy: impl FnOnce() -> L,
        body: impl FnOnce() -> B,
        again: Option<impl FnOnce() -> L>,
    ) -> impl Future<Output = T> {
        inline::run_async(self.plan, experiment, legacy, body, again)
    }

    pub fn run_detached<T: 'static, K: Send + 'static, P: Own<T, K> + Send + 'static>(
        self,
        experiment: impl FnOnce() -> Experiment<'static, K, P>,
        legacy: impl FnOnce() -> T + Send + 'static,
        body: impl FnOnce() -> T + Send + 'static,
        again: Option<impl FnOnce() -> T + Send + 'static>,
    ) -> T {
        detached::run(self.plan, self.seat, experiment, legacy, body, again)
    }

    pub fn run_detached_async<T, K, P, L, B>(
        self,
        experiment: impl FnOnce() -> Experiment<'static, K, P>,
        legacy: impl FnOnce() -> L + Send + 'static,
        body: impl FnOnce() -> B + Send + 'static,
        again: Option<impl FnOnce() -> L + Send + 'static>,
    ) -> impl Future<Output = T>
    where
        T: Send + 'static,
        K: Send + 'static,
        P: Own<T, K> + Send + 'static,
        L: Future<Output = T> + Send + 'static,
        B: Future<Output = T> + Send + 'static,
    {
        detached::run_async(self.plan, self.seat, experiment, legacy, body, again)
    }
}

/// No A/A runs, of a type like that of `legacy`.
pub fn never_like<L>(_: &impl FnOnce() -> L) -> Option<fn() -> L> {
    None
}
