//! The layer: what every framework's middleware is made from.

use std::sync::Arc;
use std::time::Duration;

use super::caller::RequestContext;
use crate::request::{RequestScope, Scene};
#[cfg(feature = "testing")]
use crate::testing::Overrides;
use crate::view;

/// Serves each request for whoever asks: makes its context, and lets each flag have one answer for it.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use flags_runtime::web::{FlagsLayer, TrustedHeaders};
///
/// # async fn checkout() {}
/// let app: Router = Router::new().route("/checkout", get(checkout)).layer(FlagsLayer::new(TrustedHeaders::new()));
/// # }
/// ```
///
/// Made in a test, it carries the flags that are forced there to every request, on whatever thread the server runs.
#[derive(Debug)]
pub struct FlagsLayer<C> {
    context: Arc<C>,
    length: Duration,
    #[cfg(feature = "testing")]
    overrides: Overrides,
}

impl<C> FlagsLayer<C> {
    /// A layer that asks `context` who asks: [`TrustedHeaders`](super::TrustedHeaders),
    /// [`ContextExtension`](super::ContextExtension) or a closure over the request, as
    /// `|request: &axum::extract::Request| EvaluationContext::new(..)`.
    pub fn new(context: C) -> Self {
        Self {
            context: Arc::new(context),
            length: view::DEFAULT_LENGTH,
            #[cfg(feature = "testing")]
            overrides: Overrides::current(),
        }
    }

    /// For how long a request goes by what was in force when it began, see [`RequestScope::lasting`]; 10 s unless set.
    #[must_use]
    pub fn lasting(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// What a request sees.
    pub(super) fn begin<R>(&self, request: &R) -> Scene
    where
        C: RequestContext<R>,
    {
        let scope = RequestScope::new(self.context.context_of(request)).lasting(self.length);
        #[cfg(feature = "testing")]
        let scope = scope.forced_if_any(&self.overrides);
        scope.begin()
    }
}

// By hand: `C` itself need not be.
impl<C> Clone for FlagsLayer<C> {
    fn clone(&self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            length: self.length,
            #[cfg(feature = "testing")]
            overrides: self.overrides.clone(),
        }
    }
}
