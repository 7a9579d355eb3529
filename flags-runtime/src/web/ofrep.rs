//! OFREP: public flags for browsers and other languages, over OpenFeature's remote evaluation protocol.
//!
//! `POST /ofrep/v1/evaluate/flags/{key}` answers one flag, `POST /ofrep/v1/evaluate/flags` all of them, with an `ETag`, and 304 to
//! an `If-None-Match` that has it. Flags that are not declared `public` are not found. The context comes from the body: the
//! `targetingKey`, `groups` (a list of texts), and attributes. **Whoever may send a request may be whoever they like**, unless
//! the authorisation puts another context in the place of theirs.
//!
//! A rollout or a list without a `targetingKey` answers as a read in the process does, with `metadata.errorCode`
//! `TARGETING_KEY_MISSING`. Bodies have 64 KiB at most. A page of another origin needs a CORS layer around the router, which lets it send
//! `If-None-Match` and read `ETag`.
//!
//! Source: <https://github.com/open-feature/protocol>, `service/openapi.yaml`, 0.1 to 0.3.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::flags::{Flags, raw};
use crate::context::{AttributeValue, EvaluationContext};
use crate::details::EvaluationDetails;
use crate::hex::hex;
use crate::prepare::prepare;
use crate::registry::{RegisteredFlag, registry};
use crate::request::RequestScope;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// Nobody knows who asks: 401.
    Unauthorized,
    /// Who asks may not: 403.
    Forbidden,
    /// Too often: 429; after so many seconds it may be tried again.
    TooManyRequests {
        /// what the header `Retry-After` says
        retry_after: u32,
    },
}

/// In bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// The two endpoints. `authorize` sees each request, and the context that its body asks for; it gives the context to evaluate
/// for. `|_, ctx| Ok(ctx)` lets everybody ask for anybody: then every public flag is known to all.
///
/// ```
/// use axum::Router;
/// use flags_runtime::EvaluationContext;
/// use flags_runtime::web::ofrep::{self, Denied};
///
/// let flags = ofrep::router(|request, _asked| {
///     let session = request.headers.get("authorization").ok_or(Denied::Unauthorized)?;
///     match session.as_bytes() {
///         b"Bearer ada's" => Ok(EvaluationContext::new("ada")), // whoever she says that she is
///         _ => Err(Denied::Forbidden),
///     }
/// });
/// let app: Router = Router::new().merge(flags);
/// ```
pub fn router<S: Clone + Send + Sync + 'static>(
    authorize: impl Fn(&Parts, EvaluationContext) -> Result<EvaluationContext, Denied> + Send + Sync + 'static,
) -> Router<S> {
    let authorize: Arc<Authorize> = Arc::new(authorize);
    let for_one = Arc::clone(&authorize);
    let one = async move |key: Result<Path<String>, PathRejection>, request: Request| {
        let Ok(Path(key)) = key else {
            return respond(StatusCode::BAD_REQUEST, &failure(None, "PARSE_ERROR", "the key is no UTF-8 text"));
        };
        match asked(request, &*for_one).await {
            Ok((ctx, _)) => {
                // What reads would not wait for.
                let _ = prepare(&ctx).await;
                RequestScope::new(ctx.clone()).scope(|| one(&key, &ctx))
            }
            Err(refused) => refused.into_response(Some(&key)),
        }
    };
    let all = async move |request: Request| match asked(request, &*authorize).await {
        // In one view: flags that were changed together are told together.
        Ok((ctx, headers)) => {
            let _ = prepare(&ctx).await;
            RequestScope::new(ctx.clone()).scope(|| all(ctx, &headers))
        }
        Err(refused) => refused.into_response(None),
    };
    Router::new().route("/ofrep/v1/evaluate/flags/{key}", post(one)).route("/ofrep/v1/evaluate/flags", post(all))
}

type Authorize = dyn Fn(&Parts, EvaluationContext) -> Result<EvaluationContext, Denied> + Send + Sync;

/// A request that is not evaluated.
enum Refused {
    Denied(Denied),
    /// With OpenFeature's code and a sentence.
    Wrong(StatusCode, &'static str, String),
}

/// Who a request asks for, if it may.
async fn asked(request: Request, authorize: &Authorize) -> Result<(EvaluationContext, HeaderMap), Refused> {
    let (parts, body) = request.into_parts();
    let asked = asked_context(body).await;
    // Who may not ask is not told what is wrong with the body.
    let ctx = authorize(&parts, asked.as_ref().map(Clone::clone).unwrap_or_default()).map_err(Refused::Denied)?;
    asked.map(|_| (ctx, parts.headers))
}

async fn asked_context(body: Body) -> Result<EvaluationContext, Refused> {
    let wrong = |code, why: String| Refused::Wrong(StatusCode::BAD_REQUEST, code, why);
    let body = to_bytes(body, LONGEST_BODY).await.map_err(|_| {
        let why = format!("the body is longer than {LONGEST_BODY} bytes, or was not sent whole");
        Refused::Wrong(StatusCode::PAYLOAD_TOO_LARGE, "GENERAL", why)
    })?;
    if body.trim_ascii().is_empty() {
        return Ok(EvaluationContext::anonymous());
    }
    let mut body: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| wrong("PARSE_ERROR", format!("the body is no JSON object with a `context`: {error}")))?;
    match body.remove("context") {
        None | Some(Value::Null) => Ok(EvaluationContext::anonymous()),
        Some(Value::Object(context)) => context_of(context).map_err(|why| wrong("INVALID_CONTEXT", why)),
        Some(_) => Err(wrong("INVALID_CONTEXT", "`context` is no JSON object".to_owned())),
    }
}

fn context_of(fields: Map<String, Value>) -> Result<EvaluationContext, String> {
    let mut ctx = match fields.get("targetingKey") {
        None | Some(Value::Null) => EvaluationContext::anonymous(),
        Some(Value::String(key)) => EvaluationContext::new(key.as_str()),
        Some(_) => return Err("`targetingKey` is no text".to_owned()),
    };
    for (name, value) in fields {
        ctx = match (name.as_str(), value) {
            ("targetingKey", _) => ctx,
            ("kind", Value::String(kind)) => ctx.kind(kind),
            ("groups", Value::Array(groups)) => {
                let texts = groups.into_iter().map(|group| match group {
                    Value::String(group) => Ok(group),
                    _ => Err("`groups` holds something that is no text".to_owned()),
                });
                ctx.groups(texts.collect::<Result<Vec<_>, _>>()?)
            }
            ("groups", _) => return Err("`groups` is no list of texts".to_owned()),
            (_, Value::Bool(value)) => ctx.attribute(name, value),
            (_, Value::String(value)) => ctx.attribute(name, value),
            (_, Value::Number(value)) => match (value.as_i64(), value.as_f64()) {
                (Some(value), _) => ctx.attribute(name, AttributeValue::Integer(value)),
                (None, Some(value)) => ctx.attribute(name, AttributeValue::Float(value)),
                (None, None) => ctx,
            },
            // No rule of ours looks at more.
            (_, Value::Null | Value::Array(_) | Value::Object(_)) => ctx,
        };
    }
    Ok(ctx)
}

fn one(key: &str, ctx: &EvaluationContext) -> Response {
    let answer = registry().by_key(key).and_then(|flag| flag.declaration().public_answer(Some(ctx)));
    match answer {
        Some(Ok(details)) => respond(StatusCode::OK, &success(&details)),
        Some(Err(why)) => respond(StatusCode::BAD_REQUEST, &failure(Some(key), "GENERAL", &why)),
        None => {
            respond(StatusCode::NOT_FOUND, &failure(Some(key), "FLAG_NOT_FOUND", "there is no public flag of this key"))
        }
    }
}

fn all(ctx: EvaluationContext, headers: &HeaderMap) -> Response {
    let flags = Flags::of(ctx).snapshot();
    let key = |name| registry().get(name).map(RegisteredFlag::declaration).map_or(name, |declared| declared.key());
    let flags = flags.iter().map(|(name, answer)| match answer {
        Ok(details) => success(details),
        Err(why) => failure(Some(key(name)), "GENERAL", why),
    });
    let body = json!({ "flags": flags.collect::<Vec<_>>() });
    let tag = format!("\"{}\"", hex(&Sha256::digest(body.to_string().as_bytes())[..16]));
    let is_known = |given: &HeaderValue| given.to_str().is_ok_and(|given| names(given, &tag));
    let mut response = if headers.get_all(IF_NONE_MATCH).iter().any(is_known) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        respond(StatusCode::OK, &body)
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Whether an `If-None-Match` names a tag; weak ones compare as strong ones there (RFC 9110, 13.1.2).
fn names(if_none_match: &str, tag: &str) -> bool {
    let mut given = if_none_match.split(',').map(str::trim);
    given.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

fn success(details: &EvaluationDetails<String>) -> Value {
    let value = raw(&details.value).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or(Value::Null);
    let mut success = json!({ "key": details.key, "value": value, "reason": details.reason.as_str() });
    if let Some(variant) = &details.variant {
        success["variant"] = json!(variant);
    }
    if let Some(code) = details.error_code {
        // There is an answer all the same, as for a read in the process.
        success["metadata"] = json!({ "errorCode": code.as_str() });
    }
    success
}

fn failure(key: Option<&str>, code: &str, why: &str) -> Value {
    let mut failure = json!({ "errorCode": code, "errorDetails": why });
    if let Some(key) = key {
        failure["key"] = json!(key);
    }
    failure
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

impl Refused {
    fn into_response(self, key: Option<&str>) -> Response {
        match self {
            Self::Wrong(status, code, why) => respond(status, &failure(key, code, &why)),
            Self::Denied(Denied::Unauthorized) => StatusCode::UNAUTHORIZED.into_response(),
            Self::Denied(Denied::Forbidden) => StatusCode::FORBIDDEN.into_response(),
            Self::Denied(Denied::TooManyRequests { retry_after }) => {
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, retry_after)]).into_response()
            }
        }
    }
}
