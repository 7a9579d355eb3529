//! The caller: who asks, by what a request says.

use std::str;

use crate::context::{self, EvaluationContext};

/// Tells who asks. Implemented for closures `Fn(&R) -> EvaluationContext`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell who asks by a `{R}`",
    note = "give `FlagsLayer::new` a `TrustedHeaders`, a `ContextExtension` or a closure with the type of the request: \
            `|request: &axum::extract::Request| EvaluationContext::new(..)`"
)]
pub trait RequestContext<R> {
    /// The context to evaluate flags for.
    fn context_of(&self, request: &R) -> EvaluationContext;
}

impl<R, F: Fn(&R) -> EvaluationContext> RequestContext<R> for F {
    fn context_of(&self, request: &R) -> EvaluationContext {
        self(request)
    }
}

/// Whoever the headers name: `X-User-ID`, and `X-User-Groups` split at commas. **Only behind a gateway that sets both headers
/// itself, and takes off those of clients:** who may send them may be whoever they like.
///
/// The same as the middleware of the Python engine, so a user without an id is called `anonymous`, and percentages decide for all
/// of them alike. Spaces around ids and groups are taken off; empty groups are none. Decisions on what no gateway sends:
///
/// | header | is read as |
/// |---|---|
/// | an id of more than 1,024 bytes, one that is no UTF-8 or has control characters, or two different ids | `anonymous`, without groups |
/// | a group of more than 256 bytes, or one that is no UTF-8 | not there |
/// | more than 256 groups | the first 256 |
/// | several `X-User-Groups` | all of them, as if joined by commas |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedHeaders {
    user: String,
    groups: String,
}

/// Whoever an outer layer has found out: the [`EvaluationContext`] among the extensions of the request; without one whoever is known
/// already, as to an outer `FlagsLayer`, else nobody.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, extract::Request, middleware::{Next, from_fn}, routing::get};
/// use flags_runtime::EvaluationContext;
/// use flags_runtime::web::{ContextExtension, FlagsLayer};
///
/// async fn authenticate(mut request: Request, next: Next) -> axum::response::Response {
///     request.extensions_mut().insert(EvaluationContext::new("user-42").group("beta"));
///     next.run(request).await
/// }
///
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(FlagsLayer::new(ContextExtension))
///     .layer(from_fn(authenticate)); // the last one is the outermost
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is all there is to say")]
pub struct ContextExtension;

const LONGEST_ID: usize = 1024;
const LONGEST_GROUP: usize = 256;
const MOST_GROUPS: usize = 256;
/// What the Python engine calls whoever it does not know.
const NOBODY: &str = "anonymous";

impl Default for TrustedHeaders {
    fn default() -> Self {
        Self::new()
    }
}

impl TrustedHeaders {
    /// `X-User-ID` and `X-User-Groups`.
    pub fn new() -> Self {
        Self { user: "x-user-id".to_owned(), groups: "x-user-groups".to_owned() }
    }

    /// The header with the user's id.
    #[must_use]
    pub fn user_header(mut self, name: &str) -> Self {
        self.user = name.to_ascii_lowercase();
        self
    }

    /// The header with the user's groups.
    #[must_use]
    pub fn groups_header(mut self, name: &str) -> Self {
        self.groups = name.to_ascii_lowercase();
        self
    }

    /// Reads the headers, whatever a framework keeps them in.
    pub(super) fn read<'a, V: Iterator<Item = &'a [u8]>>(&self, all: impl Fn(&str) -> V) -> EvaluationContext {
        let mut ids = all(&self.user).map(<[u8]>::trim_ascii).filter(|id| !id.is_empty());
        let id = match ids.next() {
            None => NOBODY,
            // Two ids are one too many: who knows which of them the gateway has set.
            Some(id) if ids.any(|other| other != id) => return EvaluationContext::new(NOBODY),
            Some(id) => match text(id, LONGEST_ID) {
                Some(id) => id,
                None => return EvaluationContext::new(NOBODY),
            },
        };
        let groups = all(&self.groups).flat_map(|header| header.split(|byte| *byte == b','));
        let groups = groups.map(<[u8]>::trim_ascii).filter(|group| !group.is_empty());
        let groups = groups.take(MOST_GROUPS).filter_map(|group| text(group, LONGEST_GROUP));
        EvaluationContext::new(id).groups(groups)
    }
}

fn text(bytes: &[u8], longest: usize) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    (text.len() <= longest && !text.contains(char::is_control)).then_some(text)
}

#[cfg(feature = "tower")]
impl<B> RequestContext<http::Request<B>> for TrustedHeaders {
    fn context_of(&self, request: &http::Request<B>) -> EvaluationContext {
        self.read(|name| of_headers(request.headers(), name))
    }
}

/// As for a request; for the authorisation of `ofrep`.
#[cfg(feature = "tower")]
impl RequestContext<http::request::Parts> for TrustedHeaders {
    fn context_of(&self, request: &http::request::Parts) -> EvaluationContext {
        self.read(|name| of_headers(&request.headers, name))
    }
}

#[cfg(feature = "tower")]
fn of_headers<'a>(headers: &'a http::HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes)
}

#[cfg(feature = "tower")]
impl<B> RequestContext<http::Request<B>> for ContextExtension {
    fn context_of(&self, request: &http::Request<B>) -> EvaluationContext {
        or_known(request.extensions().get())
    }
}

/// As for a request; for the authorisation of `ofrep`.
#[cfg(feature = "tower")]
impl RequestContext<http::request::Parts> for ContextExtension {
    fn context_of(&self, request: &http::request::Parts) -> EvaluationContext {
        or_known(request.extensions.get())
    }
}

/// Whoever was found out, else whoever is known already.
pub(super) fn or_known(found: Option<&EvaluationContext>) -> EvaluationContext {
    found.cloned().or_else(context::current).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ids: &[&[u8]], groups: &[&[u8]]) -> EvaluationContext {
        let all = |name: &str| if name == "x-user-id" { ids } else { groups }.iter().copied();
        TrustedHeaders::new().read(all)
    }

    #[test]
    fn ids_and_groups_are_read_as_the_python_middleware_reads_them() {
        assert_eq!(read(&[b" ada "], &[b"beta, staff,,"]), EvaluationContext::new("ada").group("beta").group("staff"));
        assert_eq!(read(&[], &[]), EvaluationContext::new("anonymous"));
        assert_eq!(read(&[b""], &[b"beta"]), EvaluationContext::new("anonymous").group("beta"));
        assert_eq!(read(&["müller".as_bytes()], &[]), EvaluationContext::new("müller"));
        assert_eq!(read(&[b"ada"], &[b"a,b", b"c"]), EvaluationContext::new("ada").groups(["a", "b", "c"]));
    }

    #[test]
    fn ids_that_no_gateway_sends_are_nobody_without_groups() {
        let long = [b'x'; 10_240];
        for ids in [&[&long[..]][..], &[&long[..1025]], &[b"\xff\xfe"], &[b"a\tb"], &[b"ada", b"bob"]] {
            assert_eq!(read(ids, &[b"staff"]), EvaluationContext::new("anonymous"), "{ids:?}");
        }
        assert_eq!(read(&[&long[..1024]], &[]).targeting_key().len(), 1024);
        assert_eq!(read(&[b"ada", b" ada"], &[]), EvaluationContext::new("ada"));
    }

    #[test]
    fn groups_are_bounded() {
        let many = (0..1000).map(|n| format!("g{n}")).collect::<Vec<_>>().join(",");
        let ctx = read(&[b"ada"], &[many.as_bytes()]);
        assert_eq!(ctx.all_groups().len(), 256);
        assert!(ctx.is_in_group("g0") && ctx.is_in_group("g255") && !ctx.is_in_group("g256"));
        let long = [b'x'; 257];
        assert_eq!(read(&[b"ada"], &[&long, b"\xff,ok"]), EvaluationContext::new("ada").group("ok"));
    }
}
