//! Tower: the layer as a `tower::Layer`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::caller::RequestContext;
use super::layer::FlagsLayer;
use crate::request::Scene;

/// The service that a [`FlagsLayer`] makes of another one.
#[derive(Debug)]
pub struct FlagsService<S, C> {
    inner: S,
    layer: FlagsLayer<C>,
}

pin_project_lite::pin_project! {
    /// The future of a request that sees who asks.
    #[derive(Debug)]
    pub struct FlagsFuture<F> {
        scene: Scene,
        #[pin]
        future: F,
    }
}

impl<S, C> Layer<S> for FlagsLayer<C> {
    type Service = FlagsService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        FlagsService { inner, layer: self.clone() }
    }
}

impl<S, C, R> Service<R> for FlagsService<S, C>
where
    S: Service<R>,
    C: RequestContext<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FlagsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let mut scene = self.layer.begin(&request);
        // A service may do its work here, too.
        let entered = scene.enter();
        let future = self.inner.call(request);
        drop(entered);
        FlagsFuture { scene, future }
    }
}

impl<F: Future> Future for FlagsFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scene.enter();
        this.future.poll(cx)
    }
}

// By hand: `C` itself need not be.
impl<S: Clone, C> Clone for FlagsService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}
