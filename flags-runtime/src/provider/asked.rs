//! A flag that a provider is asked for.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::attached::Attached;
use super::background::Wait;
use super::breaker::Breaker;
use super::kept::Question;
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
        if let Some(not_ready) = self.attached.not_ready() {
            return Arc::new(not_ready);
        }
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
        let Some(_inside) = Inside::enter(self) else {
            let message = format!("provider `{}` reads `{}` to decide it", self.provider(), self.key);
            let answer = Answer::error(ErrorCode::General, message);
            self.attached.count_error(self, &answer);
            return Some(answer);
        };
        let provider = &self.attached.provider;
        let asked = catch_unwind(AssertUnwindSafe(|| provider.resolve_now(self.key, self.value_type, ctx)));
        let resolved = match asked {
            Ok(resolved) => resolved.map(Ok),
            Err(panic) => Some(Err(panic)),
        };
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
        self.judged(asked)
    }

    /// What came of asking.
    fn judged(&self, resolved: Result<Result<Resolution, ResolutionError>, Box<dyn Any + Send>>) -> Answer {
        let answer = match resolved {
            Err(panic) => {
                self.failed();
                return self.attached.count_panic(self, panic);
            }
            Ok(Ok(resolution)) => Answer::compile(resolution, self.decode),
            Ok(Err(error)) => Answer::from(error),
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
            self.attached.fails(why);
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
                    "provider `{}` has not answered yet for this context (`flags_runtime::prepare` waits for that, a \
                     second at most)",
                    self.provider()
                ),
            )),
        }
    }

    fn ask_in_background(self: &Arc<Self>, ctx: &EvaluationContext, wait: Option<Wait>) {
        let question = Question { flag: self.key, ctx: ctx.clone() };
        if self.attached.background.add(self, question, wait) {
            self.attached.needs_thread();
        }
    }

    /// Asks ahead of a read, if a read would find nothing fresh; `wait` is dropped when the answer is kept.
    pub(crate) fn prepare(self: &Arc<Self>, ctx: &EvaluationContext, wait: Wait) {
        let may_be_asked = self.attached.not_ready().is_none() && self.breaker.admits();
        if may_be_asked && self.at_once(ctx).is_none() && !self.has_fresh(ctx) {
            self.ask_in_background(ctx, Some(wait));
        }
    }

    /// Whether a read finds an answer, if an older one.
    pub(crate) fn has_answer(&self, ctx: &EvaluationContext) -> bool {
        self.attached.answers_at_once.load(Ordering::Relaxed)
            || self.attached.kept(self.key, ctx).is_some_and(|(answer, _)| !answer.is_failure())
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
        let answer = match settled {
            Ok(settled) => match settled? {
                Ok(resolution) => Answer::compile(resolution, self.decode),
                Err(error) => Answer::from(error),
            },
            Err(panic) => {
                self.attached.count_panic(self, panic);
                return None;
            }
        };
        if answer.failure().is_some() {
            self.attached.count_error(self, &answer);
        }
        Some(Arc::new(answer))
    }

    /// What is to be published of it now, if that is another thing than before. The provider's thread only.
    pub(crate) fn published_anew(self: &Arc<Self>) -> Option<Provided> {
        let settled = self.settled();
        let was_settled = self.is_settled.swap(settled.is_some(), Ordering::Relaxed);
        (was_settled || settled.is_some()).then(|| Provided { asked: Arc::clone(self), settled })
    }
}

/// While it lives this thread is in a provider, asked for a flag. A provider may read flags; one that reads the flag that it decides
/// would never come to an end.
struct Inside;

thread_local! {
    /// The flags, by where they lie.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

impl Inside {
    /// None if the flag is asked for already.
    fn enter(asked: &Asked) -> Option<Self> {
        let address = std::ptr::from_ref(asked).addr();
        let enter = |inside: &RefCell<Vec<usize>>| {
            let mut inside = inside.borrow_mut();
            let is_new = !inside.contains(&address);
            if is_new {
                inside.push(address);
            }
            is_new
        };
        // A thread that is being torn down has no place for it.
        INSIDE.try_with(enter).unwrap_or(true).then_some(Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("provider", &self.provider()).field("key", &self.key).finish_non_exhaustive()
    }
}
