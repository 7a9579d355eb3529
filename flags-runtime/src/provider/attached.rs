//! An attached provider: the provider with what is known of it, for `status()` and for those who wait.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::background::Background;
use super::kept::Kept;
use super::{Answer, Asked, Provider, ProviderEvent, ProviderEvents};
use crate::context::EvaluationContext;
use crate::details::ErrorCode;

/// A provider at work.
pub(crate) struct Attached {
    pub(super) provider: Box<dyn Provider>,
    name: String,
    /// What its thread hears; told also by readers, who need somebody to ask in the background.
    events: ProviderEvents,
    /// The flags that it decides.
    // Weak: what is published of a flag holds it, and it holds this.
    asked: Mutex<Vec<Weak<Asked>>>,
    state: Mutex<(ProviderState, Option<String>)>,
    /// Whether it was ever ready: before that it decides nothing.
    has_been_ready: AtomicBool,
    pub(super) background: Background,
    /// What came of that.
    kept: Kept,
    /// Whether it had an answer at hand the last time.
    pub(super) answers_at_once: AtomicBool,
    /// Goes up with each change that is told: what was kept before is out of date.
    number: AtomicU64,
    pub(super) failures: Failures,
}

/// How often what went wrong; only failures are counted, so a read that goes well writes nothing.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) errors: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) late: AtomicU64,
    last: Mutex<Option<String>>,
}

/// Where a provider stands; the names are OpenFeature's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderState {
    /// It was never ready yet, and is not asked: declared defaults.
    NotReady,
    /// It answers reliably.
    Ready,
    /// It answers, but what it knows may be out of date.
    Stale,
    /// It cannot answer reliably now.
    Error,
    /// It will never be ready as it is configured, or never again: declared defaults, or what it knew before.
    Fatal,
    /// The guard was dropped.
    Stopped,
}

/// How one provider is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: ProviderState,
    /// Names of the flags that it decides.
    pub flags: Vec<&'static str>,
    /// How many evaluations it has answered with an error, since the start; a flag that it does not know is none.
    pub errors: u64,
    /// How many evaluations have panicked.
    pub panics: u64,
    /// How many evaluations have taken longer than a second in the background.
    pub late: u64,
    /// Names of flags that are not asked for now, since that failed five times in a row; it is tried again within 30 s.
    pub suspended: Vec<&'static str>,
    /// The last error, also after recovery.
    pub last_error: Option<String>,
}

impl Attached {
    /// Attaches a provider; `events` takes what it tells, and that somebody is needed who asks in the background.
    pub(crate) fn new(provider: Box<dyn Provider>, events: ProviderEvents) -> Arc<Self> {
        let name = provider.name().to_owned();
        Arc::new(Self {
            provider,
            name,
            events,
            asked: Mutex::new(Vec::new()),
            state: Mutex::new((ProviderState::NotReady, None)),
            has_been_ready: AtomicBool::new(false),
            background: Background::new(),
            kept: Kept::default(),
            answers_at_once: AtomicBool::new(false),
            number: AtomicU64::new(0),
            failures: Failures::default(),
        })
    }

    /// The flags that it decides from now on.
    pub(crate) fn decides(&self, asked: &[Arc<Asked>]) {
        *lock(&self.asked) = asked.iter().map(Arc::downgrade).collect();
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn asked(&self) -> Vec<Arc<Asked>> {
        lock(&self.asked).iter().filter_map(Weak::upgrade).collect()
    }

    /// The flags whose answers are not at hand: none of a provider that decides in memory.
    pub(crate) fn waited_for(&self) -> Vec<Arc<Asked>> {
        if self.answers_at_once.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut asked = self.asked();
        asked.retain(|asked| !asked.is_settled());
        asked
    }

    /// Starts it, on this thread; a panic is an error.
    pub(crate) fn start(&self) {
        let started = catch_unwind(AssertUnwindSafe(|| self.provider.start(self.events.clone())));
        match started {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.events.fatal(error.to_string()),
            Err(_) => self.events.fatal("its start panicked"),
        }
    }

    /// Stops it, on this thread.
    pub(crate) fn stop(&self) {
        self.background.stop();
        let _ = catch_unwind(AssertUnwindSafe(|| self.provider.stop()));
        self.note(ProviderState::Stopped, None);
    }

    /// Asks in the background for as long as there is something to be asked.
    pub(crate) fn work(&self) {
        self.background.work();
    }

    /// Whether another thread is to [`work`](Self::work): others hang.
    pub(crate) fn takes_thread(&self) -> bool {
        self.background.takes_thread()
    }

    /// No thread could be made for [`work`](Self::work).
    pub(crate) fn has_no_thread(&self) {
        self.background.has_no_thread();
    }

    /// What is answered as long as it was never ready; none from then on.
    pub(super) fn not_ready(&self) -> Option<Answer> {
        // Relaxed: a read may be early as well as late.
        if self.has_been_ready() { None } else { Some(self.why_not_ready()) }
    }

    /// Whether it was ever ready.
    pub(crate) fn has_been_ready(&self) -> bool {
        self.has_been_ready.load(Ordering::Relaxed)
    }

    #[cold]
    fn why_not_ready(&self) -> Answer {
        let (state, why) = self.state();
        let code = if state == ProviderState::Fatal { ErrorCode::ProviderFatal } else { ErrorCode::ProviderNotReady };
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Answer::error(code, format!("provider `{}` is not ready{why}", self.name))
    }

    /// Whether the provider wants to hear of settled flags.
    pub(crate) fn counts_settled_reads(&self) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.provider.counts_settled_reads())).unwrap_or(false)
    }

    /// Where it stands, and why.
    pub(crate) fn state(&self) -> (ProviderState, Option<String>) {
        lock(&self.state).clone()
    }

    /// Takes down where it stands; true if that is another place than before.
    pub(crate) fn note(&self, state: ProviderState, why: Option<String>) -> bool {
        if matches!(state, ProviderState::Ready | ProviderState::Stale) {
            self.has_been_ready.store(true, Ordering::Relaxed);
        }
        if let Some(why) = &why {
            *lock(&self.failures.last) = Some(why.clone());
        }
        std::mem::replace(&mut *lock(&self.state), (state, why)).0 != state
    }

    /// What was kept of its answers is out of date from here on.
    pub(crate) fn changed(&self) {
        self.number.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// What was answered to a context, and whether that is fresh.
    pub(super) fn kept(&self, flag: &'static str, ctx: &EvaluationContext) -> Option<(Arc<Answer>, bool)> {
        self.kept.get(flag, ctx, self.number())
    }

    /// Keeps an answer that was asked for when this many changes were told.
    pub(super) fn keep(&self, flag: &'static str, ctx: &EvaluationContext, number: u64, answer: Arc<Answer>) {
        self.kept.put(flag, ctx, number, answer);
    }

    pub(super) fn fails(&self, why: String) {
        (self.events.tell)(ProviderEvent::Failing(why));
    }

    pub(super) fn needs_thread(&self) {
        (self.events.tell)(ProviderEvent::ThreadNeeded);
    }

    /// Counts what took too long in the background.
    pub(crate) fn count_late(&self) {
        let mut opened = Vec::new();
        for (asked, is_first) in self.background.late() {
            self.failures.late.fetch_add(1, Ordering::Relaxed);
            let message = format!("`{}` has taken longer than a second", asked.key());
            *lock(&self.failures.last) = Some(message.clone());
            if is_first {
                self.fails(message);
            }
            // Of many that hang at once, those that open the breaker count: it is one thing that went wrong.
            if !opened.contains(&asked.key()) {
                asked.failed();
                opened.extend(asked.is_suspended().then(|| asked.key()));
            }
        }
    }

    pub(super) fn count_panic(&self, asked: &Asked, panic: Box<dyn Any + Send>) -> Answer {
        self.failures.panics.fetch_add(1, Ordering::Relaxed);
        let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let said = said.map_or_else(String::new, |said| format!(": {said}"));
        let message = format!("provider `{}` panicked while it decided `{}`{said}", self.name, asked.key());
        // What is thrown may panic again when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        *lock(&self.failures.last) = Some(message.clone());
        Answer::error(ErrorCode::General, message)
    }

    pub(super) fn count_error(&self, asked: &Asked, answer: &Answer) {
        self.failures.errors.fetch_add(1, Ordering::Relaxed);
        let why = answer.error_message.as_deref().unwrap_or_default();
        *lock(&self.failures.last) = Some(format!("`{}`: {why}", asked.key()));
    }

    /// How it is, for people.
    pub(crate) fn status(&self) -> ProviderStatus {
        let asked = self.asked();
        let suspended = asked.iter().filter(|asked| asked.is_suspended()).map(|asked| asked.name()).collect();
        let Failures { errors, panics, late, last } = &self.failures;
        ProviderStatus {
            name: self.name.clone(),
            state: self.state().0,
            flags: asked.iter().map(|asked| asked.name()).collect(),
            errors: errors.load(Ordering::Relaxed),
            panics: panics.load(Ordering::Relaxed),
            late: late.load(Ordering::Relaxed),
            suspended,
            last_error: lock(last).clone(),
        }
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attached").field(&self.name).finish()
    }
}

impl fmt::Display for ProviderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (self.state, &self.last_error) {
            (ProviderState::Ready, Some(error)) if self.errors + self.panics + self.late > 0 => {
                let failures = self.errors + self.panics + self.late;
                write!(f, " (ready; {failures} failures, the last: {error}")?;
            }
            (ProviderState::Ready, _) => f.write_str(" (ready")?,
            (ProviderState::NotReady, _) => f.write_str(" (not ready yet")?,
            (ProviderState::Stopped, _) => f.write_str(" (stopped")?,
            (ProviderState::Stale, Some(error)) => write!(f, " (may be out of date: {error}")?,
            (ProviderState::Stale, None) => f.write_str(" (may be out of date")?,
            (ProviderState::Error | ProviderState::Fatal, Some(error)) => write!(f, " ({error}")?,
            (ProviderState::Error | ProviderState::Fatal, None) => f.write_str(" (cannot answer")?,
        }
        if !self.suspended.is_empty() {
            write!(f, "; not asked for now, since it failed: {}", self.suspended.join(", "))?;
        }
        f.write_str(")")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked is replaced whole: nothing can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
