//! The request: for whom it is, with one answer for each flag; and what is carried from there to other tasks and threads.
//!
//! Set at each poll of a future, so it follows the future from thread to thread, is never seen by other tasks, and works on
//! every runtime. It carries a test's forced flags too. Middleware for web frameworks is in `web`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use crate::context::{self, EvaluationContext};
use crate::store;
#[cfg(feature = "testing")]
use crate::testing::Overrides;
use crate::view::{self, View};

/// Serves one request: its context is ambient, and each flag has one answer for it.
///
/// Whatever is published while the request is served, its reads go by what was in force when it began; documents that were
/// written together are seen together. Two exceptions: a kill (`"enabled": false`) holds at once, and within this time it is not taken
/// back; and after 10 s ([`lasting`](Self::lasting)) reads are live. Within another request's scope the view is that of
/// the outer one.
///
/// ```
/// use flags_runtime::{EvaluationContext, Flag, RequestScope, feature_flag, flag};
///
/// #[feature_flag(name = "request_example", default = false, expires = "2099-01-01")]
/// static EXAMPLE: Flag<bool>;
///
/// # fn main() {
/// let answer = RequestScope::new(EvaluationContext::new("user-42")).scope(|| flag!(EXAMPLE));
/// assert!(!answer);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `scope` or `scope_async`"]
pub struct RequestScope {
    ctx: EvaluationContext,
    length: Duration,
    #[cfg(feature = "testing")]
    overrides: Overrides,
}

/// What work sees: for whom it is, since when, and what a test forces.
#[derive(Debug)]
pub(crate) struct Scene {
    ctx: Option<EvaluationContext>,
    view: Option<View>,
    #[cfg(feature = "testing")]
    overrides: Overrides,
}

/// Lets this thread see a scene, until it is dropped.
pub(crate) struct Entered<'a> {
    scene: &'a mut Scene,
    #[cfg(feature = "testing")]
    _overrides: Option<crate::testing::ForceGuard>,
}

impl RequestScope {
    /// A request of whoever this context names. Carries the flags that a test forces here.
    pub fn new(ctx: EvaluationContext) -> Self {
        Self {
            ctx,
            length: view::DEFAULT_LENGTH,
            #[cfg(feature = "testing")]
            overrides: Overrides::current(),
        }
    }

    /// For how long reads go by what was in force when it began; 10 s unless set. Zero is not at all.
    pub fn lasting(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// The flags that a test forces for it, if there are any, in place of those here.
    #[cfg(all(feature = "testing", any(feature = "tower", feature = "actix")))]
    pub(crate) fn forced_if_any(mut self, overrides: &Overrides) -> Self {
        if !overrides.is_empty() {
            self.overrides = overrides.clone();
        }
        self
    }

    /// Serves it by a closure. What was ambient before is back behind it, also when `f` panics.
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        let mut scene = self.begin();
        let _entered = scene.enter();
        f()
    }

    /// Serves it by a future.
    pub fn scope_async<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // Here, not at the first poll: the request has begun.
        let scene = self.begin();
        play(scene, future)
    }

    pub(crate) fn begin(self) -> Scene {
        let view = view::current().or_else(|| {
            let has_length = !self.length.is_zero();
            has_length.then(|| store::open_view(self.length))
        });
        Scene {
            ctx: Some(self.ctx),
            view,
            #[cfg(feature = "testing")]
            overrides: self.overrides,
        }
    }
}

/// Wraps a closure so that it sees what is seen here, wherever it runs later: the ambient context, the view of the request, and
/// what a test forces.
///
/// ```
/// use flags_runtime::{EvaluationContext, context};
///
/// let worker = EvaluationContext::new("u1").scope(|| {
///     std::thread::spawn(context::carry(|| context::current().map(|ctx| ctx.targeting_key().to_owned())))
/// });
/// assert_eq!(worker.join().unwrap().as_deref(), Some("u1"));
/// ```
pub fn carry<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let mut scene = Scene::here();
    move || {
        let _entered = scene.enter();
        f()
    }
}

/// Wraps a future so that it sees what is seen here, on whatever task it is spawned: as [`carry`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use flags_runtime::{EvaluationContext, context};
/// let handler = async {
///     tokio::spawn(context::carry_async(async { context::current() })).await.unwrap()
/// };
/// let ctx = EvaluationContext::new("u1");
/// assert_eq!(ctx.scope_async(handler).await, Some(ctx));
/// # }
/// ```
pub fn carry_async<F: Future>(future: F) -> impl Future<Output = F::Output> {
    play(Scene::here(), future)
}

pub(crate) async fn play<F: Future>(mut scene: Scene, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _entered = scene.enter();
        future.as_mut().poll(cx)
    })
    .await
}

impl Scene {
    /// What is seen here.
    fn here() -> Self {
        Self {
            ctx: context::current(),
            view: view::current(),
            #[cfg(feature = "testing")]
            overrides: Overrides::current(),
        }
    }

    pub(crate) fn enter(&mut self) -> Entered<'_> {
        self.exchange();
        Entered {
            #[cfg(feature = "testing")]
            _overrides: self.overrides.enter_if_any(),
            scene: self,
        }
    }

    fn exchange(&mut self) {
        context::swap_current(&mut self.ctx);
        view::swap_here(&mut self.view);
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.scene.exchange();
    }
}
