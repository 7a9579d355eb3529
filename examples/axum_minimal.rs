//! The smallest web service that knows who asks: `curl -H 'X-User-ID: ada' 127.0.0.1:3000`
//!
//! Flags come from where `FLAGS_SOURCE` says; without it everybody gets the declared defaults.

use axum::{Router, routing::get};
use flags_runtime::web::{FlagsLayer, TrustedHeaders};
use flags_runtime::{Flag, feature_flag, flag};

/// The greeting that product wants to try.
#[feature_flag(name = "warm_greeting", default = false, expires = "2099-03-01")]
static WARM_GREETING: Flag<bool>;

async fn hello() -> &'static str {
    if flag!(WARM_GREETING) { "Lovely to see you!\n" } else { "Hello.\n" }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = flags_runtime::builder().on_event(|event| eprintln!("flags: {event}"));
    let _flags = flags.configured_by_env()?.start()?;
    // Everything that serves a request, across every `.await`, sees who asks, and one answer of each flag.
    let app = Router::new().route("/", get(hello)).layer(FlagsLayer::new(TrustedHeaders::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
