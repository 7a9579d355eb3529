//! Overrides: values and documents of flags that hold in a scope: on a thread until a guard goes, or for a future whenever it
//! is polled.
//!
//! Whoever is in no scope sees nothing of them: other threads, other tasks on the same thread, and what is spawned unless it is
//! carried along. Scopes nest; of one flag the innermost counts. They stand above everything else that decides.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use rustc_hash::FxBuildHasher;
use serde_json::value::RawValue;

use super::recording::{Evaluation, Recording};
use super::value::IntoForced;
use super::{coverage, environment, names};
use crate::flag::Flag;
use crate::registry::declaration::FlagCore;
use crate::registry::{RegisteredFlag, registry};
use crate::rules::DocumentError;
use crate::rules::rule::Rule;
use crate::store;
use crate::types::FlagValue;
use crate::value::CompiledValue;

/// Values and documents of flags for a scope. Cheap to clone, and may be sent to other threads.
///
/// ```
/// use flags_runtime::testing::Overrides;
/// use flags_runtime::{Flag, feature_flag, flag};
///
/// #[feature_flag(name = "overrides_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # fn main() {
/// let on = Overrides::new().force(&EXAMPLE, true);
/// assert!(on.scope(|| flag!(EXAMPLE)));
/// // A thread that is spawned takes nothing along by itself.
/// on.scope(|| std::thread::spawn(|| assert!(!flag!(EXAMPLE))).join().unwrap());
/// on.scope(|| std::thread::spawn(flags_runtime::testing::carry(|| assert!(flag!(EXAMPLE)))).join().unwrap());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Overrides {
    /// The innermost last.
    layers: Vec<Arc<Layer>>,
}

/// Keeps overrides in force on this thread; dropping it ends that. Guards may be dropped in any order.
#[must_use = "the flag is forced only as long as this guard lives: `let _on = FLAG.force(true);`"]
#[derive(Debug)]
pub struct ForceGuard {
    token: u64,
    /// Of this thread, so it must not be sent.
    not_send: PhantomData<*const ()>,
}

/// What is forced together. Flags are slow as long as it lives, on whatever thread it may come to be read.
struct Layer {
    cores: Vec<&'static FlagCore>,
    /// By where the core is: there may be a thousand.
    forced: HashMap<usize, Forced, FxBuildHasher>,
    recording: Option<Recording>,
}

/// A scope that a thread is in, with what its guard knows it by.
type Scope = (u64, Vec<Arc<Layer>>);

/// What decides in place of the source.
#[derive(Clone)]
pub(crate) enum Forced {
    /// This value, whoever asks.
    Value(CompiledValue),
    /// This document, or that there is none; with the error if it is refused.
    Document(Option<Result<Arc<Rule>, DocumentError>>),
    /// Nothing: the flag is only watched.
    Nothing,
}

impl Forced {
    /// What `configured` gives: a value as a document that is enabled would have it.
    pub(crate) fn configured(self) -> Option<CompiledValue> {
        match self {
            Self::Value(value) => Some(value),
            Self::Document(Some(Ok(rule))) if rule.targeting.is_enabled => rule.value.clone(),
            Self::Document(_) | Self::Nothing => None,
        }
    }
}

thread_local! {
    /// The scopes that this thread is in, the innermost last.
    static HERE: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
    static NEXT_TOKEN: Cell<u64> = const { Cell::new(0) };
}

impl Overrides {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that hold here and now: for what is spawned from here, or a server that a test starts.
    pub fn current() -> Self {
        let here = HERE.try_with(|here| {
            // Each layer once, where it is innermost: what is carried within what was carried has it twice.
            let (mut layers, mut known): (Vec<Arc<Layer>>, HashSet<*const Layer>) = (Vec::new(), HashSet::new());
            for layer in here.borrow().iter().rev().flat_map(|(_, layers)| layers.iter().rev()) {
                if known.insert(Arc::as_ptr(layer)) {
                    layers.push(Arc::clone(layer));
                }
            }
            layers.reverse();
            layers
        });
        Self { layers: here.unwrap_or_default() }
    }

    /// Also forces this flag to a value.
    #[must_use]
    pub fn force<T: FlagValue>(self, flag: &'static Flag<T>, value: impl IntoForced<T>) -> Self {
        self.with(vec![(flag.__core(), Forced::Value(value.into_forced()))])
    }

    /// Also forces a flag that is known by its name.
    pub(super) fn force_registered(self, flag: &'static RegisteredFlag, value: &CompiledValue) -> Self {
        self.with(flag.cores().iter().map(|core| (*core, Forced::Value(value.clone()))).collect())
    }

    /// Also forces every bool flag of the program on, or off.
    #[must_use]
    pub fn force_all(self, is_on: bool) -> Self {
        let bools = registry().flags().iter().filter(|flag| flag.declaration().type_name() == "bool");
        let cores = bools.flat_map(|flag| flag.cores().iter().copied());
        self.with(cores.map(|core| (core, Forced::Value(CompiledValue::Bits(is_on.into())))).collect())
    }

    /// Also puts documents in the place of the source's: a JSON object of flag names (or keys) and documents, as an override
    /// file has it. Percentages and lists decide then; a document that is refused leaves the declared default with the reason
    /// `ERROR`, and `null` is no document.
    ///
    /// # Panics
    ///
    /// If it is no JSON object, or names a flag that the program has not.
    #[must_use]
    #[track_caller]
    pub fn documents(self, json: &str) -> Self {
        let documents: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json)
            .unwrap_or_else(|error| panic!("these documents are no JSON object of flags and documents: {error}"));
        let mut forced = Vec::new();
        for (name, document) in documents {
            let flag = names::find(&name).unwrap_or_else(|why| panic!("{why}"));
            let text = Some(document.get()).filter(|text| *text != "null");
            let document = store::compile_document(text.map(str::as_bytes), flag.declaration());
            let cores = flag.cores().iter().copied();
            forced.extend(cores.map(|core| (core, Forced::Document(document.clone()))));
        }
        self.with(forced)
    }

    /// Also records what is asked.
    pub(super) fn recorded(mut self, recording: Recording) -> Self {
        self.layers.push(Arc::new(Layer::new(every_flag(), Some(recording))));
        self
    }

    /// Keeps every flag slow: a settled read tells nobody.
    pub(super) fn watched(self) -> Self {
        self.with(every_flag())
    }

    fn with(mut self, forced: Vec<(&'static FlagCore, Forced)>) -> Self {
        self.layers.push(Arc::new(Layer::new(forced, None)));
        self
    }

    /// Holds them on this thread until the guard is dropped. Not for async code: a guard does not follow its task.
    pub fn enter(&self) -> ForceGuard {
        let token = NEXT_TOKEN.replace(NEXT_TOKEN.get() + 1);
        // A thread that is being torn down has no list; it then sees what everybody sees.
        let _ = HERE.try_with(|here| here.borrow_mut().push((token, self.layers.clone())));
        ForceGuard { token, not_send: PhantomData }
    }

    /// The same, at no cost where there are none.
    pub(crate) fn enter_if_any(&self) -> Option<ForceGuard> {
        (!self.is_empty()).then(|| self.enter())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Runs `f` with them, and takes them back, also when `f` panics.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let _guard = self.enter();
        f()
    }

    /// Runs a future with them: set at each poll, so they follow it from thread to thread, and no other task sees them between
    /// polls. Works on every runtime.
    pub fn scope_async<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Scoped { overrides: self.clone(), future: Some(Box::pin(future)) }
    }
}

fn every_flag() -> Vec<(&'static FlagCore, Forced)> {
    let cores = registry().flags().iter().flat_map(|flag| flag.cores().iter().copied());
    cores.map(|core| (core, Forced::Nothing)).collect()
}

/// Wraps a closure so that it runs with the overrides that hold now, wherever it runs later: for `std::thread::spawn`,
/// `spawn_blocking` and the like. What calls many closures takes [`Overrides::current`] and a scope in each.
pub fn carry<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let carried = Overrides::current();
    move || carried.scope(f)
}

/// Wraps a future so that it runs with the overrides that hold now, on whatever task it is spawned.
pub fn carry_async<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Overrides::current().scope_async(future)
}

/// Runs `f` with these documents in the place of the source's, see [`Overrides::documents`].
///
/// ```
/// use flags_runtime::{EvaluationContext, Flag, feature_flag, flag, testing};
///
/// #[feature_flag(name = "documents_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # fn main() {
/// let documents = r#"{"documents_example":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}}"#;
/// testing::with_documents(documents, || {
///     assert!(flag!(EXAMPLE, &EvaluationContext::new("ada")));
///     assert!(!flag!(EXAMPLE, &EvaluationContext::new("bob")));
/// });
/// # }
/// ```
///
/// # Panics
///
/// As [`Overrides::documents`], and if `f` does.
#[track_caller]
pub fn with_documents<R>(json: &str, f: impl FnOnce() -> R) -> R {
    Overrides::new().documents(json).scope(f)
}

/// Runs a future with these documents in the place of the source's, see [`Overrides::documents`].
///
/// # Panics
///
/// As [`Overrides::documents`], at once.
#[track_caller]
pub fn with_documents_async<F: Future>(json: &str, future: F) -> impl Future<Output = F::Output> + use<F> {
    Overrides::new().documents(json).scope_async(future)
}

/// A future in a scope: for each poll, and when it is dropped, finished or not.
struct Scoped<F> {
    overrides: Overrides,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let guard = self.overrides.enter();
        let polled = match &mut self.future {
            Some(future) => future.as_mut().poll(cx),
            None => panic!("a future is polled after it has ended"),
        };
        if polled.is_ready() {
            self.future = None;
        }
        drop(guard);
        polled
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        let _guard = self.overrides.enter();
        self.future = None;
    }
}

/// What stands in place of the source's decision here.
#[inline]
pub(crate) fn forced(core: &FlagCore) -> Option<Forced> {
    // Relaxed: who is in a scope came to it behind the counting, and of others' scopes nothing is to be seen.
    if core.forces.load(Ordering::Relaxed) == 0 { None } else { forced_here(core) }
}

/// Makes ready what the environment forces, before a cell settles without it.
#[inline]
pub(crate) fn arm() {
    let _ = environment::overrides();
    let _ = coverage::arm();
}

#[cold]
fn forced_here(core: &FlagCore) -> Option<Forced> {
    let innermost = |here: &RefCell<Vec<Scope>>| in_layers(core, here.borrow().iter().flat_map(|(_, layers)| layers));
    let here = HERE.try_with(innermost).ok().flatten();
    here.or_else(|| in_layers(core, environment::overrides()?.layers.iter()))
}

/// The recordings of all scopes here.
pub(super) fn recordings() -> Vec<Recording> {
    let all = |here: &RefCell<Vec<Scope>>| {
        let here = here.borrow();
        here.iter().flat_map(|(_, layers)| layers).filter_map(|layer| layer.recording.clone()).collect()
    };
    HERE.try_with(all).unwrap_or_default()
}

/// Notes an answer where one is recorded.
#[inline]
pub(crate) fn note(core: &'static FlagCore, evaluation: impl FnOnce() -> Evaluation) {
    // Relaxed: as in `forced`.
    if core.forces.load(Ordering::Relaxed) == 0 {
        return;
    }
    let (recordings, is_covered) = (recordings(), coverage::arm());
    if recordings.is_empty() && !is_covered {
        return;
    }
    let evaluation = evaluation();
    if is_covered {
        coverage::note(&evaluation);
    }
    for recording in Recording::each_once(recordings) {
        recording.note(evaluation.clone());
    }
}

/// What the last of these layers has of a flag.
fn in_layers<'a>(core: &FlagCore, layers: impl DoubleEndedIterator<Item = &'a Arc<Layer>>) -> Option<Forced> {
    let mut of_flag = layers.rev().filter_map(|layer| layer.forced.get(&core.address()));
    of_flag.find(|forced| !matches!(forced, Forced::Nothing)).cloned()
}

impl Layer {
    fn new(forced: Vec<(&'static FlagCore, Forced)>, recording: Option<Recording>) -> Self {
        for (core, _) in &forced {
            store::change_forces(core, |forces| {
                forces.fetch_add(1, Ordering::Relaxed);
            });
        }
        let cores = forced.iter().map(|(core, _)| *core).collect();
        let forced = forced.into_iter().map(|(core, forced)| (core.address(), forced)).collect();
        Self { cores, forced, recording }
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        for core in &self.cores {
            store::change_forces(core, |forces| {
                forces.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

impl Drop for ForceGuard {
    fn drop(&mut self) {
        let left = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            let at = here.iter().position(|(token, _)| *token == self.token)?;
            Some(here.remove(at))
        });
        // Outside of the borrow: values are users' code.
        drop(left);
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = self.layers.iter().flat_map(|layer| &layer.cores).map(|core| core.declaration.name());
        f.debug_tuple("Overrides").field(&flags.collect::<Vec<_>>()).finish()
    }
}
