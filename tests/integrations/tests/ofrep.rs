//! OFREP: what an OpenFeature SDK in a browser or in another language asks, and is told.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use flags_runtime::web::ofrep::{self, Denied};
use flags_runtime::web::{Flags, FlagsLayer, RequestContext as _, TrustedHeaders};
use flags_runtime::{EvaluationContext, Flag, FlagValue, Json, feature_flag, testing};
use http_body_util::BodyExt as _;
use hyper::header::{ETAG, HeaderMap, IF_NONE_MATCH, RETRY_AFTER};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
struct Limits {
    max: u32,
}

#[feature_flag(name = "ofrep_cart", default = false, expires = "2099-01-01", public)]
static CART: Flag<bool>;
#[feature_flag(name = "ofrep_limits", default = Limits { max: 5 }, expires = "2099-01-01", public)]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "ofrep_pricing", key = "Pricing 2", default = Pricing::Control, expires = "2099-01-01", public)]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "ofrep_ratio", default = f64::NAN, expires = "2099-01-01", public)]
static RATIO: Flag<f64>;
#[feature_flag(name = "ofrep_secret", default = "a secret", expires = "2099-01-01")]
static SECRET: Flag<String>;
#[feature_flag(name = "ofrep_title", default = "Hello \"you\"", expires = "2099-01-01", public)]
static TITLE: Flag<String>;

fn anybody() -> Router {
    ofrep::router(|_, ctx| Ok(ctx))
}

async fn post(app: Router, path: &str, body: impl Into<Body>, tag: Option<&str>) -> Response {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    app.oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

async fn told(response: Response) -> (StatusCode, HeaderMap, Value) {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, headers, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

async fn one(key: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let (status, _, body) = told(post(anybody(), &format!("/ofrep/v1/evaluate/flags/{key}"), body, None).await).await;
    (status, body)
}

fn context(context: &Value) -> String {
    json!({ "context": context }).to_string()
}

#[tokio::test]
async fn one_flag_is_answered_for_the_context_of_the_body() {
    let documents = r#"{"ofrep_cart":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"],"allowed_groups":["beta"]},
        "ofrep_pricing":{"enabled":true,"value":"variant_a"}}"#;
    let _documents = testing::Overrides::new().documents(documents).enter();
    let is_on = json!({"key": "ofrep_cart", "value": true, "variant": "on", "reason": "TARGETING_MATCH"});
    assert_eq!(one("ofrep_cart", context(&json!({"targetingKey": "ada"}))).await, (StatusCode::OK, is_on.clone()));
    let in_group =
        json!({"targetingKey": "bob", "groups": ["x", "beta"], "plan": "pro", "age": 3, "nested": {}, "none": null});
    assert_eq!(one("ofrep_cart", context(&in_group)).await, (StatusCode::OK, is_on));
    let is_off = json!({"key": "ofrep_cart", "value": false, "variant": "off", "reason": "STATIC"});
    assert_eq!(one("ofrep_cart", context(&json!({"targetingKey": "bob"}))).await, (StatusCode::OK, is_off.clone()));
    // Nobody: answered as a read in the process is, which says that a key is missing.
    let mut nobody = is_off;
    nobody["metadata"] = json!({"errorCode": "TARGETING_KEY_MISSING"});
    for body in ["", "{}", r#"{"context":null}"#, r#"{"context":{}}"#] {
        assert_eq!(one("ofrep_cart", body).await, (StatusCode::OK, nobody.clone()), "{body}");
    }
    let by_key = json!({"key": "Pricing 2", "value": "variant_a", "variant": "variant_a", "reason": "STATIC"});
    assert_eq!(one("Pricing%202", "").await, (StatusCode::OK, by_key));
    let object = json!({"key": "ofrep_limits", "value": {"max": 5}, "reason": "DEFAULT"});
    assert_eq!(one("ofrep_limits", "").await, (StatusCode::OK, object));
}

#[tokio::test]
async fn what_is_not_public_is_not_there() {
    let (status, secret) = one("ofrep_secret", "").await;
    let (missing_status, missing) = one("nowhere", "").await;
    assert_eq!((status, missing_status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(secret["errorCode"], "FLAG_NOT_FOUND");
    assert_eq!(secret.to_string().replace("ofrep_secret", "nowhere"), missing.to_string());
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    for (body, status, code, part) in [
        ("{", 400, "PARSE_ERROR", "no JSON object"),
        ("[]", 400, "PARSE_ERROR", "no JSON object"),
        (r#"{"context":[]}"#, 400, "INVALID_CONTEXT", "`context`"),
        (r#"{"context":{"targetingKey":7}}"#, 400, "INVALID_CONTEXT", "`targetingKey`"),
        (r#"{"context":{"groups":"beta"}}"#, 400, "INVALID_CONTEXT", "`groups`"),
        (r#"{"context":{"groups":[1]}}"#, 400, "INVALID_CONTEXT", "`groups`"),
    ] {
        let (told_status, told) = one("ofrep_cart", body).await;
        assert_eq!((told_status.as_u16(), &told["errorCode"]), (status, &json!(code)), "{body}");
        assert!(told["errorDetails"].as_str().unwrap().contains(part), "{told}");
        let bulk = post(anybody(), "/ofrep/v1/evaluate/flags", body, None).await;
        assert_eq!(bulk.status().as_u16(), status, "{body}");
    }
    let (status, told) = one("ofrep_cart", vec![b' '; 70_000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(told["errorDetails"].as_str().unwrap().contains("65536"), "{told}");
    let (status, told) = one("%ff%fe", "").await;
    assert_eq!((status, &told["errorCode"]), (StatusCode::BAD_REQUEST, &json!("PARSE_ERROR")));
    let (status, told) = one("ofrep_ratio", "").await;
    assert_eq!((status, &told["errorCode"]), (StatusCode::BAD_REQUEST, &json!("GENERAL")), "no JSON has NaN: {told}");
}

#[tokio::test]
async fn all_public_flags_come_with_a_tag_that_saves_the_second_answer() {
    let ask = async |documents: &str, user: &str, tag: Option<&str>| {
        let overrides = testing::Overrides::new().documents(documents);
        let body = context(&json!({"targetingKey": user}));
        overrides.scope_async(async { told(post(anybody(), "/ofrep/v1/evaluate/flags", body, tag).await).await }).await
    };
    let half = r#"{"ofrep_cart":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}}"#;
    let (status, headers, all) = ask(half, "ada", None).await;
    assert_eq!(status, StatusCode::OK);
    let keys: Vec<_> = all["flags"].as_array().unwrap().iter().map(|flag| flag["key"].clone()).collect();
    assert_eq!(keys, ["ofrep_cart", "ofrep_limits", "Pricing 2", "ofrep_ratio", "ofrep_title"]);
    assert_eq!(all["flags"][0]["value"], true);
    assert_eq!(all["flags"][3]["errorCode"], "GENERAL");
    assert_eq!(all["flags"][4]["value"], "Hello \"you\"");
    let tag = headers[ETAG].to_str().unwrap();
    for given in [tag.to_owned(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let (status, headers, body) = ask(half, "ada", Some(&given)).await;
        assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Value::Null), "{given}");
        assert_eq!(headers[ETAG], tag);
    }
    // Somebody else, and another document, have another one.
    assert_eq!(ask(half, "bob", Some(tag)).await.0, StatusCode::OK);
    assert_eq!(ask(r#"{"ofrep_cart":{"enabled":false}}"#, "ada", Some(tag)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn who_may_not_ask_is_not_answered_and_who_may_is_who_the_service_says() {
    let documents = r#"{"ofrep_cart":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}}"#;
    let _documents = testing::Overrides::new().documents(documents).enter();
    let app = || -> Router {
        ofrep::router(|request, asked| {
            match request.headers.get("authorization").map(hyper::header::HeaderValue::as_bytes) {
                None => Err(Denied::Unauthorized),
                Some(b"as asked") => Ok(asked),
                Some(b"as bob") => Ok(EvaluationContext::new("bob")),
                Some(b"often") => Err(Denied::TooManyRequests { retry_after: 7 }),
                Some(_) => Err(Denied::Forbidden),
            }
        })
    };
    let ask = async |token: Option<&str>, body: &str| {
        let mut request = Request::post("/ofrep/v1/evaluate/flags/ofrep_cart");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        told(app().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()).await
    };
    let ada = context(&json!({"targetingKey": "ada"}));
    assert_eq!(ask(None, &ada).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(None, "{").await.0, StatusCode::UNAUTHORIZED, "before it is told what is wrong");
    assert_eq!(ask(Some("x"), &ada).await.0, StatusCode::FORBIDDEN);
    let (status, headers, _) = ask(Some("often"), &ada).await;
    assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "7"));
    assert_eq!(ask(Some("as asked"), &ada).await.2["value"], true);
    assert_eq!(ask(Some("as bob"), &ada).await.2["value"], false);
}

#[tokio::test]
async fn the_gateways_headers_may_stand_above_the_body() {
    let documents = r#"{"ofrep_cart":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}}"#;
    let _documents = testing::Overrides::new().documents(documents).enter();
    let app: Router = ofrep::router(|request, _claimed| Ok(TrustedHeaders::new().context_of(request)));
    let request = Request::post("/ofrep/v1/evaluate/flags/ofrep_cart").header("x-user-id", "bob");
    let request = request.body(Body::from(context(&json!({"targetingKey": "ada"})))).unwrap();
    assert_eq!(told(app.oneshot(request).await.unwrap()).await.2["value"], false);
}

#[tokio::test]
async fn the_extractor_gives_the_public_flags_of_whoever_asks() {
    let documents = r#"{"ofrep_cart":{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"]}}"#;
    let handler = async |flags: Flags| {
        let user = flags.context().targeting_key().to_owned();
        axum::Json(json!({"user": user, "flags": flags.snapshot()}))
    };
    let _documents = testing::Overrides::new().documents(documents).enter();
    let app = Router::new().route("/", get(handler)).layer(FlagsLayer::new(TrustedHeaders::new()));
    let request = Request::get("/").header("x-user-id", "ada").body(Body::empty()).unwrap();
    let (_, _, told) = told(app.oneshot(request).await.unwrap()).await;
    assert_eq!(told["user"], "ada");
    let expected = json!({
        "ofrep_cart": {"value": true, "variant": "on", "reason": "TARGETING_MATCH"},
        "ofrep_limits": {"value": {"max": 5}, "reason": "DEFAULT"},
        "ofrep_pricing": {"value": "control", "variant": "control", "reason": "DEFAULT"},
        "ofrep_ratio": {"value": null, "reason": "ERROR", "error": told["flags"]["ofrep_ratio"]["error"]},
        "ofrep_title": {"value": "Hello \"you\"", "reason": "DEFAULT"},
    });
    assert_eq!(told["flags"], expected, "by name, and `ofrep_secret` is not there");
}
