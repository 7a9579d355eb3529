//! OFREP and providers that take their time: a client outside is answered when they have, as no read in the process would wait.
//!
//! A start is process-wide: alone in its file.

use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use flags_runtime::provider::{Provider, Resolution, ResolutionError, ValueType};
use flags_runtime::web::ofrep;
use flags_runtime::{EvaluationContext, Flag, Reason, builder, feature_flag, flag};
use http_body_util::BodyExt as _;
use hyper::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[feature_flag(name = "ofrep_far", default = false, expires = "2099-01-01", public, provider = far_away)]
static FAR: Flag<bool>;

/// Answers from far away: nothing is at hand.
struct FarAway;

impl Provider for FarAway {
    fn name(&self) -> &'static str {
        "far_away"
    }

    fn resolve(&self, _: &str, _: ValueType, ctx: &EvaluationContext) -> Result<Resolution, ResolutionError> {
        thread::sleep(Duration::from_millis(20));
        Ok(Resolution::new(ctx.targeting_key() == "ada").reason(Reason::TargetingMatch))
    }
}

async fn post(path: &str, user: &str) -> Value {
    let app: Router = ofrep::router(|_, ctx| Ok(ctx));
    let body = json!({ "context": { "targetingKey": user } }).to_string();
    let response = app.oneshot(Request::post(path).body(Body::from(body)).unwrap()).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_client_is_told_what_a_provider_says_that_takes_its_time() {
    let guard = builder().provider(FarAway).start().unwrap();
    guard.ready().await.unwrap();
    // A read of the process does not wait.
    assert_eq!(flag!(FAR, &EvaluationContext::new("ada"), details).reason, Reason::Error);
    for (user, value) in [("ada", true), ("bob", false)] {
        let answer = post("/ofrep/v1/evaluate/flags/ofrep_far", user).await;
        assert_eq!((&answer["value"], &answer["reason"]), (&json!(value), &json!("CACHED")), "{answer}");
    }
    let all = post("/ofrep/v1/evaluate/flags", "carol").await;
    assert_eq!((&all["flags"][0]["value"], &all["flags"][0]["reason"]), (&json!(false), &json!("CACHED")), "{all}");
}
