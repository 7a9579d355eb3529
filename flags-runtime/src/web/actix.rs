//! actix-web: the layer as a middleware.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};

use super::caller::{ContextExtension, RequestContext, TrustedHeaders, or_known};
use super::layer::FlagsLayer;
use crate::context::EvaluationContext;
use crate::request::play;

/// The service that a [`FlagsLayer`] makes of another one of actix-web.
#[derive(Debug)]
pub struct FlagsMiddleware<S, C> {
    inner: Rc<S>,
    layer: FlagsLayer<C>,
}

impl<S, C, B> Transform<S, ServiceRequest> for FlagsLayer<C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>> + 'static,
    S::Error: 'static,
    C: RequestContext<ServiceRequest>,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Transform = FlagsMiddleware<S, C>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(FlagsMiddleware { inner: Rc::new(service), layer: self.clone() }))
    }
}

impl<S, C, B> Service<ServiceRequest> for FlagsMiddleware<S, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>> + 'static,
    S::Error: 'static,
    C: RequestContext<ServiceRequest>,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let scene = self.layer.begin(&request);
        let inner = Rc::clone(&self.inner);
        Box::pin(play(scene, async move { inner.call(request).await }))
    }
}

impl RequestContext<ServiceRequest> for TrustedHeaders {
    fn context_of(&self, request: &ServiceRequest) -> EvaluationContext {
        let headers = request.headers();
        self.read(|name| headers.get_all(name).map(actix_web::http::header::HeaderValue::as_bytes))
    }
}

impl RequestContext<ServiceRequest> for ContextExtension {
    fn context_of(&self, request: &ServiceRequest) -> EvaluationContext {
        or_known(request.extensions().get())
    }
}
