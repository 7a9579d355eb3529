//! A web service with a context per request: `curl -H 'x-user: ada' 127.0.0.1:3000`
//!
//! Flags come from where `FLAGS_SOURCE` says; without it everybody gets the declared defaults.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Router, routing::get};
use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};

/// The greeting that product wants to try.
#[feature_flag(name = "warm_greeting", default = false, expires = "2099-03-01")]
static WARM_GREETING: Flag<bool>;

async fn hello() -> &'static str {
    if flag!(WARM_GREETING) { "Lovely to see you!\n" } else { "Hello.\n" }
}

/// Everything that serves this request, across every `.await`, sees who asks.
async fn with_context(request: Request, next: Next) -> Response {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok()).unwrap_or_default();
    EvaluationContext::new(user).scope_async(next.run(request)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = flags_runtime::builder().on_event(|event| eprintln!("flags: {event}"));
    let _flags = flags.configured_by_env()?.start()?;
    let app = Router::new().route("/", get(hello)).layer(from_fn(with_context));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
