//! axum: the flags of whoever asks, as an extractor.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::flags::Flags;

impl<S: Sync> FromRequestParts<S> for Flags {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::current())
    }
}
