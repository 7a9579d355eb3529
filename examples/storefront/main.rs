//! A shop for shoes, to see flags at work in a web service: `cargo run --example storefront`, then <http://127.0.0.1:3000>.
//!
//! Two pages, and the same as JSON for whoever does not ask for HTML: `/` the features and the user's id, `/checkout` the new or the
//! legacy steps, `POST /orders`. The checkout is gated, prices are an A/B test, the order processor is a dark launch. Flags come
//! from the file beside this one, which may be edited meanwhile, or from where `FLAGS_SOURCE` says, for example
//! `redis://127.0.0.1/`. `STOREFRONT_ADDRESS` is where it listens.

mod flags;
mod orders;
mod pages;

use std::collections::VecDeque;
use std::env;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use flags_runtime::exposure::{Exposure, Exposures};
use flags_runtime::source::FileSource;
use flags_runtime::web::{Flags, FlagsLayer, RequestContext as _, TrustedHeaders, ofrep};
use flags_runtime::{EvaluationContext, flag};
use serde_json::json;

use crate::flags::PRICING;
use crate::orders::Order;

/// The last exposures, for the panel; a real shop sends them to whoever evaluates the test.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<VecDeque<Exposure>>>);

impl Shown {
    const MOST: usize = 20;

    fn all(&self) -> MutexGuard<'_, VecDeque<Exposure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, exposure: Exposure) {
        let mut all = self.all();
        all.push_front(exposure);
        all.truncate(Self::MOST);
    }
}

/// Who asks: what the gateway says; at home, where there is none, the cookie of `/be/{user}`. A real shop takes its session.
fn caller(request: &Request) -> EvaluationContext {
    let headers = request.headers();
    if headers.contains_key("x-user-id") {
        return TrustedHeaders::new().context_of(request);
    }
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    match cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("user=")) {
        Some(user) => EvaluationContext::new(user),
        None => TrustedHeaders::new().context_of(request),
    }
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}

async fn shop(State(shown): State<Shown>, headers: HeaderMap, flags: Flags) -> Response {
    if wants_html(&headers) {
        // Here the price is shown: for the A/B test this user has seen it from now on.
        return Html(pages::shop(&flags, flag!(PRICING, exposed), &shown.all())).into_response();
    }
    Json(json!({"user_id": flags.context().targeting_key(), "features": flags.snapshot()})).into_response()
}

async fn checkout(State(shown): State<Shown>, headers: HeaderMap, flags: Flags) -> Response {
    let steps = orders::steps();
    if wants_html(&headers) {
        return Html(pages::checkout(&flags, &steps, &shown.all())).into_response();
    }
    Json(json!({"user_id": flags.context().targeting_key(), "steps": steps})).into_response()
}

async fn order(Json(order): Json<Order>) -> Response {
    match orders::take(&order, flag!(PRICING)) {
        Ok(receipt) => (StatusCode::CREATED, Json(receipt)).into_response(),
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": why}))).into_response(),
    }
}

/// To try out another user in a browser.
async fn be(Path(user): Path<String>) -> Response {
    let user: String = user.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    ([(header::SET_COOKIE, format!("user={user}; Path=/; HttpOnly; SameSite=Lax"))], Redirect::to("/")).into_response()
}

fn app(shown: Shown) -> Router {
    Router::new()
        .route("/", get(shop))
        .route("/checkout", get(checkout))
        .route("/orders", post(order))
        .route("/be/{user}", get(be))
        // For scripts in the page: whoever they say that they are, they are told of the user of this request.
        .merge(ofrep::router(|_, _| Ok(Flags::current().context().clone())))
        .with_state(shown)
        .layer(FlagsLayer::new(caller))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/storefront/flags.json");
    let flags = flags_runtime::builder()
        .source(FileSource::new(beside))
        .on_event(|event| eprintln!("flags: {event}"))
        .configured_by_env()? // FLAGS_SOURCE stands above the file
        .start()?;
    let shown = Shown::default();
    let telling = shown.clone();
    let _exposures = Exposures::new().subscribe(move |exposure| telling.note(exposure))?;

    let address = env::var("STOREFRONT_ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .map_err(|error| format!("{address}: {error}; STOREFRONT_ADDRESS=127.0.0.1:0 takes a free port"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let stopped = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app(shown)).with_graceful_shutdown(stopped).await?;
    drop(flags);
    Ok(())
}
