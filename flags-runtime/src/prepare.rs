//! Preparing: what providers do not have at hand is fetched before a request is served, since reading never waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::context::EvaluationContext;
use crate::provider::Asked;
use crate::status::BOARD;

/// Asks the providers for all their flags that are not at hand for this context, in the background; the answers are kept for the
/// reads that follow. Await it before a request is served, or call [`wait`](Prepare::wait).
///
/// It is done when every flag has its answer, an error, or has taken longer than a second, and gives whether reads will find an
/// answer of the provider for every flag, if an older one. Without such providers it is done at once: those that decide in memory, as
/// LaunchDarkly's SDK does, need none of it. At most 64 threads ask at once, so a provider that takes 30 ms answers some 2,000
/// questions in a second.
///
/// ```
/// use flags_runtime::EvaluationContext;
///
/// async fn serve(user: &str) {
///     let ctx = EvaluationContext::new(user);
///     if !flags_runtime::prepare(&ctx).await {
///         // Some flags will answer their declared defaults, and say so in their details.
///     }
/// }
/// ```
pub fn prepare(ctx: &EvaluationContext) -> Prepare {
    prepare_all(BOARD.providers().iter().flat_map(|provider| provider.waited_for()), ctx)
}

/// The same for one flag.
#[cfg(feature = "openfeature")]
pub(crate) fn prepare_one(key: &str, ctx: &EvaluationContext) -> Prepare {
    let asked = BOARD.providers().into_iter().flat_map(|provider| provider.waited_for());
    prepare_all(asked.filter(|asked| asked.key() == key), ctx)
}

fn prepare_all(asked: impl Iterator<Item = Arc<Asked>>, ctx: &EvaluationContext) -> Prepare {
    let done = Arc::new(Done::default());
    let wait: Arc<Ticket> = Arc::new(Ticket(Arc::clone(&done)));
    let asked: Vec<_> = asked.collect();
    for asked in &asked {
        asked.prepare(ctx, Arc::clone(&wait) as _);
    }
    Prepare { done, asked, ctx: ctx.clone() }
}

/// Waits until providers have answered; see [`prepare`].
#[must_use = "it asks at once, but only who awaits it, or calls `.wait(..)`, finds the answers"]
pub struct Prepare {
    done: Arc<Done>,
    asked: Vec<Arc<Asked>>,
    ctx: EvaluationContext,
}

#[derive(Default)]
struct Done {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_done: bool,
    waker: Option<Waker>,
}

/// Everybody who still works on it holds this; behind the last one it is done.
struct Ticket(Arc<Done>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_done = true;
        let waker = state.waker.take();
        drop(state);
        self.0.changed.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prepare {
    /// Waits in this thread, at most for so long; whether reads find an answer for every flag then.
    pub fn wait(self, timeout: Duration) -> bool {
        drop(self.done.changed.wait_timeout_while(self.done.lock(), timeout, |state| !state.is_done));
        self.is_complete()
    }

    fn is_complete(&self) -> bool {
        self.asked.iter().all(|asked| asked.has_answer(&self.ctx))
    }
}

impl Future for Prepare {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.done.lock();
        if state.is_done {
            drop(state);
            return Poll::Ready(self.is_complete());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Prepare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepare").field("is_done", &self.done.lock().is_done).finish_non_exhaustive()
    }
}
