//! Web: who asks, once per request; and flags for clients outside of the service.
//!
//! [`FlagsLayer`] makes the context of a request and serves the request within a [`RequestScope`](crate::RequestScope): `flag!(X)`
//! in a handler, or anywhere below, is for this user, and answers the same however often it is asked. It is a `tower` layer (axum,
//! hyper, tonic; feature `tower`) and a middleware of actix-web (feature `actix`).
//!
//! What the server runs after the handler has answered, as a streamed body, is not within the request any more, and neither is a
//! spawned task, unless [`context::carry_async`](crate::context::carry_async) takes it along.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
mod caller;
mod flags;
mod layer;
#[cfg(feature = "axum")]
pub mod ofrep;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "actix")]
pub use self::actix::FlagsMiddleware;
#[cfg(feature = "tower")]
pub use self::tower::{FlagsFuture, FlagsService};
pub use caller::{ContextExtension, RequestContext, TrustedHeaders};
pub use flags::{Flags, FlagsSnapshot};
pub use layer::FlagsLayer;
