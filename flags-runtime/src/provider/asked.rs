//! A flag that a provider is asked for.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::attached::Attached;
use super::background::{Job, Wait};
use super::breaker::Breaker;
use super::{Answer, Resolution, ResolutionError, ValueType};
use crate::context::EvaluationContext;
use crate::details::{ErrorCode, Reason};
use crate::value::Decode;

/// What is published of a flag that a provider decides.
#[derive(Clone, Debug)]
pub(crate) struct Provided {
    pub(crate) asked: Arc<Asked>,
    /// What everybody gets; none if it depends on who asks.
    pub(crate) settled: Option<Arc<Answer>>,
}

/// One flag at one provider.
pub(crate) struct Asked {
    attached: Arc<Attached>,
    name: &'static str,
    key: &'static str,
    value_type: ValueType,
    decode: Decode,
    breaker: Breaker,
    /// Whether everybody is answered alike, as it is published.
    is_settled: AtomicBool,
}

impl Asked {
    /// A flag of this name, key, type (in the words of records) and its way to read a value.
    pub(crate) fn new(
        attached: Arc<Attached>,
        name: &'static str,
        key: &'static str,
        type_name: &str,
        decode: Decode,
    ) -> Self {
        let value_type = ValueType::of(type_name);
        Self {
            attached,
            name,
            key,
            value_type,
            decode,
            breaker: Breaker::default(),
            is_settled: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    pub(crate) fn provider(&self) -> &str {
        self.attached.name()
    }

    /// Whether everybody is answered alike.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }

    /// Whether it is left alone now.
    pub(super) fn is_suspended(&self) -> bool {
        self.breaker.is_open()
    }

    /// Answers a reader: never waits.
    pub(crate) fn answer(self: &Arc<Self>, ctx: &EvaluationContext) -> Arc<Answer> {
        let is_asked = self.breaker.admits();
        if is_asked && let Some(answer) = self.at_once(ctx) {
            return Arc::new(answer);
        }
        self.from_background(ctx, is_asked)
    }

    /// Lets the provider know of a read of a settled flag, if it wants to.
    #[cold]
    pub(crate) fn tell_of_read(&self, ctx: &EvaluationContext) {
        if self.attached.counts_settled_reads() && self.breaker.admits() {
            let _ = self.at_once(ctx);
        }
    }

    fn at_once(&self, ctx: &EvaluationContext) -> Option<Answer> {
        let Some(_inside) = Inside::enter() else {
            let message = format!("provider `{}` reads `{}` to decide it", self.provider(), self.key);
            let answer = Answer::error(ErrorCode::General, message);
            self.attached.count_error(self, &answer);
            return Some(answer);
        };
        let provider = &self.attached.provider;
        let asked = catch_unwind(AssertUnwindSafe(|| provider.resolve_now(self.key, self.value_type, ctx)));
        let resolved = asked.map_or_else(|_| Some(None), |resolved| resolved.map(Some));
        let at_once = &self.attached.answers_at_once;
        // Written when it changes only: readers must not fight over the cache line.
        if at_once.load(Ordering::Relaxed) != resolved.is_some() {
            at_once.store(resolved.is_some(), Ordering::Relaxed);
        }
        Some(self.judged(resolved?))
    }

    /// Asks, and waits for as long as it takes. For threads of ours.
    pub(super) fn asked_in_background(&self, ctx: &EvaluationContext) -> Answer {
        let provider = &self.attached.provider;
        let asked = catch_unwind(AssertUnwindSafe(|| provider.resolve(self.key, self.value_type, ctx)));
        self.judged(asked.ok())
    }

    /// What came of asking; none of a panic.
    fn judged(&self, resolved: Option<Result<Resolution, ResolutionError>>) -> Answer {
        let answer = match resolved {
            None => {
                self.failed();
                return self.attached.count_panic(self);
            }
            Some(Ok(resolution)) => Answer::compile(resolution, self.decode),
            Some(Err(error)) => Answer::from(error),
        };
        match answer.error_code {
            None | Some(ErrorCode::FlagNotFound | ErrorCode::TargetingKeyMissing) => self.breaker.succeeded(),
            Some(code) => {
                self.attached.count_error(self, &answer);
                // Others concern the flag, the context or the start: asking once more does no harm.
                if matches!(code, ErrorCode::General | ErrorCode::ProviderFatal) {
                    self.failed();
                }
            }
        }
        answer
    }

    pub(super) fn failed(&self) {
        if self.breaker.failed() {
            let why = format!("`{}` is not asked for now: that failed again and again", self.key);
            self.attached.suspended(why);
        }
    }

    /// What was kept, and asks for it anew where there is nothing, or nothing fresh.
    fn from_background(self: &Arc<Self>, ctx: &EvaluationContext, is_asked: bool) -> Arc<Answer> {
        let found = self.attached.kept(self.key, ctx);
        let is_fresh = found.as_ref().is_some_and(|(_, is_fresh)| *is_fresh);
        if is_asked && !is_fresh {
            self.ask_in_background(ctx, None);
        }
        match found {
            Some((answer, _)) if answer.reason == Reason::Error => answer,
            Some((answer, is_fresh)) => Arc::new(answer.because(if is_fresh { Reason::Cached } else { Reason::Stale })),
            None if !is_asked => Arc::new(Answer::error(
                ErrorCode::General,
                format!("provider `{}` is not asked for it now: that failed again and again", self.provider()),
            )),
            None => Arc::new(Answer::error(
                ErrorCode::ProviderNotReady,
                format!(
                    "provider `{}` has not answered yet for this context: `flags_runtime::prepare(&ctx).await` before \
                     the read waits for it",
                    self.provider()
                ),
            )),
        }
    }

    fn ask_in_background(self: &Arc<Self>, ctx: &EvaluationContext, wait: Option<Wait>) {
        let job = Job { asked: Arc::clone(self), ctx: ctx.clone(), wait, since: Instant::now() };
        if self.attached.background.add(job) {
            self.attached.needs_workers();
        }
    }

    /// Asks ahead of a read, if a read would find nothing fresh; `wait` is dropped when the answer is kept.
    pub(crate) fn prepare(self: &Arc<Self>, ctx: &EvaluationContext, wait: Wait) {
        if !self.breaker.admits() || self.at_once(ctx).is_some() {
            return;
        }
        if !self.has_fresh(ctx) {
            self.ask_in_background(ctx, Some(wait));
        }
    }

    /// Does what is to be done in the background.
    pub(super) fn fetch(&self, ctx: &EvaluationContext) {
        let number = self.attached.number();
        let answer = self.asked_in_background(ctx);
        self.attached.keep(self.key, ctx, number, Arc::new(answer));
    }

    /// Whether the answer for a context is fresh.
    pub(super) fn has_fresh(&self, ctx: &EvaluationContext) -> bool {
        self.attached.kept(self.key, ctx).is_some_and(|(_, is_fresh)| is_fresh)
    }

    /// What everybody gets, if the provider can tell. Runs users' code.
    fn settled(&self) -> Option<Arc<Answer>> {
        let provider = &self.attached.provider;
        let settled = catch_unwind(AssertUnwindSafe(|| provider.settled(self.key, self.value_type)));
        let answer = match settled.unwrap_or_default()? {
            Ok(resolution) => Answer::compile(resolution, self.decode),
            Err(error) => Answer::from(error),
        };
        Some(Arc::new(answer))
    }

    /// What is to be published of it now, if that is another thing than before. The provider's thread only.
    pub(crate) fn published_anew(self: &Arc<Self>) -> Option<Provided> {
        let settled = self.settled();
        let was_settled = self.is_settled.swap(settled.is_some(), Ordering::Relaxed);
        (was_settled || settled.is_some()).then(|| Provided { asked: Arc::clone(self), settled })
    }
}

/// While it lives this thread is in a provider. A provider may read flags, also those of another one; one that reads its own flag
/// would never come to an end.
struct Inside;

thread_local! {
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

impl Inside {
    /// None if it is too deep.
    fn enter() -> Option<Self> {
        const DEEPEST: u8 = 16;
        // A thread that is being torn down has no place to count.
        let depth = DEPTH.try_with(Cell::get).unwrap_or_default();
        if depth >= DEEPEST {
            return None;
        }
        let _ = DEPTH.try_with(|cell| cell.set(depth + 1));
        Some(Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("provider", &self.provider()).field("key", &self.key).finish_non_exhaustive()
    }
}
