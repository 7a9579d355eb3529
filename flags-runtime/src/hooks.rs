//! Hooks: users' code around every evaluation, in OpenFeature's four stages.
//!
//! They run in the caller's thread, so they must be quick. While any is set every read is slow and goes through them; without one
//! a read costs nothing. A hook that fails or panics never reaches the caller: if it does so in `before`, the declared default is
//! answered, as the specification says; later stages change no answer. What a hook itself reads goes by no hook.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

use crate::context::EvaluationContext;
use crate::details::{AnyValue, EvaluationDetails};
use crate::registry::Declaration;
use crate::store;

/// Code around every evaluation. All stages are optional; `before` runs in the order in which hooks were added, the others in the
/// opposite one.
///
/// ```
/// use flags_runtime::hooks::{self, Hook, HookContext};
/// use flags_runtime::{AnyValue, EvaluationDetails, Flag, feature_flag, flag};
///
/// #[feature_flag(name = "hook_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// struct Print;
///
/// impl Hook for Print {
///     fn finally(&self, evaluation: &mut HookContext<'_>, details: &EvaluationDetails<AnyValue<'_>>) {
///         println!("{} = {:?} ({})", evaluation.flag.name(), details.value, details.reason);
///     }
/// }
///
/// # fn main() {
/// let _print = hooks::add(Print);
/// flag!(EXAMPLE);
/// # }
/// ```
pub trait Hook: Send + Sync + 'static {
    /// Before the flag is evaluated. May give another context to evaluate it for.
    ///
    /// # Errors
    ///
    /// What went wrong: the declared default is answered, with [`ErrorCode::General`](crate::ErrorCode::General).
    fn before(&self, _evaluation: &mut HookContext<'_>) -> Result<Option<EvaluationContext>, HookError> {
        Ok(None)
    }

    /// After the flag was evaluated, unless that went wrong.
    ///
    /// # Errors
    ///
    /// What went wrong: the `error` stage is told of it, and the answer stays.
    fn after(
        &self,
        _evaluation: &mut HookContext<'_>,
        _details: &EvaluationDetails<AnyValue<'_>>,
    ) -> Result<(), HookError> {
        Ok(())
    }

    /// If `before`, `after` or the evaluation itself went wrong.
    fn error(&self, _evaluation: &mut HookContext<'_>, _error: &HookError) {}

    /// At the end, always.
    fn finally(&self, _evaluation: &mut HookContext<'_>, _details: &EvaluationDetails<AnyValue<'_>>) {}
}

/// What a hook is told of an evaluation.
#[derive(Debug)]
#[non_exhaustive]
pub struct HookContext<'a> {
    /// What was declared about the flag: its key, its type.
    pub flag: &'static Declaration,
    /// For whom it is evaluated.
    pub context: &'a EvaluationContext,
    /// The declared default.
    pub default: AnyValue<'a>,
    /// The hook's own, from one stage of this evaluation to the next.
    pub data: &'a mut HookData,
}

/// What a hook keeps from one stage of an evaluation to the next.
pub type HookData = Option<Box<dyn Any + Send>>;

/// Why a hook, or an evaluation, went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookError {
    message: String,
}

/// Keeps a hook; dropping it takes the hook off.
#[must_use = "the hook is called only as long as this lives: keep it, or call `.detach()`"]
pub struct HookGuard {
    hook: Option<Arc<dyn Hook>>,
}

type Hooks = Vec<Arc<dyn Hook>>;

static HOOKS: LazyLock<ArcSwap<Hooks>> = LazyLock::new(ArcSwap::default);

thread_local! {
    static IS_IN_HOOK: Cell<bool> = const { Cell::new(false) };
}

/// Adds a hook to every evaluation of this process, until the guard is dropped.
pub fn add(hook: impl Hook) -> HookGuard {
    let hook: Arc<dyn Hook> = Arc::new(hook);
    change(|hooks| hooks.push(Arc::clone(&hook)));
    HookGuard { hook: Some(hook) }
}

fn change(change: impl Fn(&mut Hooks)) {
    // Under the store's lock, so that flags are watched exactly as long as there are hooks.
    store::watch_every_read(|| {
        let mut hooks = Hooks::clone(&HOOKS.load());
        change(&mut hooks);
        let are_set = !hooks.is_empty();
        HOOKS.store(Arc::new(hooks));
        are_set
    });
}

/// Whether a read here has to go through hooks.
#[inline]
pub(crate) fn are_set() -> bool {
    store::is_every_read_watched() && !IS_IN_HOOK.try_with(Cell::get).unwrap_or(true)
}

/// One evaluation on its way through the hooks.
pub(crate) struct Evaluation<'a> {
    flag: &'static Declaration,
    default: AnyValue<'a>,
    context: EvaluationContext,
    /// Each hook with its data.
    hooks: Vec<(Arc<dyn Hook>, HookData)>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn begin(flag: &'static Declaration, context: EvaluationContext, default: AnyValue<'a>) -> Self {
        let hooks = HOOKS.load().iter().map(|hook| (Arc::clone(hook), None)).collect();
        Self { flag, default, context, hooks }
    }

    /// The context to evaluate for; none if a hook has failed, and the default is to be answered.
    pub(crate) fn before(&mut self) -> Option<EvaluationContext> {
        for at in 0..self.hooks.len() {
            match self.stage(at, Hook::before).and_then(|told| told) {
                Ok(Some(context)) => self.context = context,
                Ok(None) => {}
                Err(error) => {
                    self.error(&error);
                    return None;
                }
            }
        }
        Some(self.context.clone())
    }

    /// `after`, or `error` if the evaluation went wrong.
    pub(crate) fn after(&mut self, details: &EvaluationDetails<AnyValue<'_>>) {
        if let Some(error) = HookError::of(details) {
            return self.error(&error);
        }
        for at in (0..self.hooks.len()).rev() {
            if let Err(error) = self.stage(at, |hook, evaluation| hook.after(evaluation, details)).and_then(|told| told)
            {
                return self.error(&error);
            }
        }
    }

    fn error(&mut self, error: &HookError) {
        for at in (0..self.hooks.len()).rev() {
            // One that fails here has been told of by the panic hook.
            let _ = self.stage(at, |hook, evaluation| hook.error(evaluation, error));
        }
    }

    pub(crate) fn finally(mut self, details: &EvaluationDetails<AnyValue<'_>>) {
        for at in (0..self.hooks.len()).rev() {
            let _ = self.stage(at, |hook, evaluation| hook.finally(evaluation, details));
        }
        // What hooks have kept is theirs, its `Drop` too.
        let _inside = Inside::enter();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self.hooks)));
    }

    fn stage<R>(&mut self, at: usize, run: impl FnOnce(&dyn Hook, &mut HookContext<'_>) -> R) -> Result<R, HookError> {
        let Self { flag, default, context, hooks } = self;
        let (hook, data) = &mut hooks[at];
        let mut evaluation = HookContext { flag, context, default: *default, data };
        let _inside = Inside::enter();
        let caught = catch_unwind(AssertUnwindSafe(|| run(&**hook, &mut evaluation)));
        caught.map_err(|panic| {
            // What is thrown may panic again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
            HookError::new("a hook panicked")
        })
    }
}

/// While it lives this thread is in a hook.
struct Inside(bool);

impl Inside {
    fn enter() -> Self {
        Self(IS_IN_HOOK.try_with(|is_in| is_in.replace(true)).unwrap_or(true))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = IS_IN_HOOK.try_with(|is_in| is_in.set(self.0));
    }
}

impl HookError {
    /// An error that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// Why an evaluation went wrong, if it did.
    fn of(details: &EvaluationDetails<AnyValue<'_>>) -> Option<Self> {
        let code = details.error_code.filter(|_| details.reason == crate::details::Reason::Error)?;
        Some(match &details.error_message {
            Some(message) => Self::new(format!("{code}: {message}")),
            None => Self::new(format!("{code}: the document of `{}` was refused", details.key)),
        })
    }
}

impl From<&str> for HookError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for HookError {
    fn from(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for HookError {}

impl HookGuard {
    /// Keeps the hook for the rest of the process.
    pub fn detach(mut self) {
        self.hook = None;
    }
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        if let Some(own) = self.hook.take() {
            change(|hooks| hooks.retain(|hook| !Arc::ptr_eq(hook, &own)));
        }
    }
}

impl fmt::Debug for HookGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookGuard").finish_non_exhaustive()
    }
}
