//! Feature flags that the compiler checks.
//!
//! A flag is a typed static: a misspelt one does not compile, its default, owner and expiry are declared once beside
//! the code, and a settled read costs one atomic load. Values come from Redis, a file or memory; the documents are
//! shared with other languages.
//!
//! ```
//! use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};
//!
//! /// Checkout on the new cart service.
//! #[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "payments")]
//! pub static NEW_CHECKOUT: Flag<bool>;
//!
//! # fn main() {
//! let ctx = EvaluationContext::new("user-42").group("beta");
//! if flag!(NEW_CHECKOUT, &ctx) {
//!     println!("the new checkout");
//! }
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `redis` | [`source::redis`]: documents from Redis, pushed: one server, sentinels or a cluster |
//! | `redis-tls` | the same over TLS (includes `redis`) |
//! | `file` | `source::FileSource`: documents from a JSON or TOML file, watched; the override file |
//! | `admin` | `writer` and `source::redis::admin`: typed, audited writing of documents (includes `redis`) |
//! | `testing` | the module `testing` and `#[flags_runtime::test]`: flags that are forced for one test, recorded and covered; adds API only |
//! | `tokio` | detached trials of futures run on the tokio runtime of their caller |
//! | `introspect` | `Registry::call_sites` and `introspect`: reads the records of this and other binaries |
//! | `tower` | [`web::FlagsLayer`]: who asks, once per request, as a `tower` layer for axum, hyper and tonic |
//! | `axum` | the extractor [`web::Flags`] and the router [`web::ofrep`] (includes `tower`) |
//! | `actix` | [`web::FlagsLayer`] as a middleware of actix-web |
//! | `metrics` | `telemetry::metrics`: gauges and counters for the `metrics` facade |
//! | `otel` | `telemetry::otel`: evaluations as OpenTelemetry events, and gauges |
//! | `launchdarkly` | `provider::launchdarkly`: LaunchDarkly decides flags, by its own SDK (rustc 1.95) |
//! | `openfeature` | `openfeature`: the flags as a provider of OpenFeature's Rust SDK; `provider::openfeature`: its providers decide flags |
//! | `tracing` | start-up and trouble as `tracing` events, exposures too if you ask for it |
//!
//! None is on by default. Asking for something whose feature is off is an error that names the feature.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

// The floor plan, ground first: each module uses only what stands above it. tests/tidy.rs holds it.

// Vocabulary: knows nothing else of ours.
mod clock;
pub mod context;
mod details;
mod either;
mod feed;
mod hex;
mod random;
mod targeting_keys;
mod value;

// Who decides flags by themselves.
pub mod provider;

// From documents to decisions; pure.
pub mod rules;
pub mod evaluate;

// What a binary declares, what a read touches, and since when.
pub mod registry;
mod types;
mod view;

// From sources to cells, in the background.
pub mod source;
mod error;
mod store;
mod status;
mod event;
mod snapshot;
mod synchronizer;

// The call site, and what is built on it.
pub mod hooks;
mod flag;
pub mod exposure;
pub mod dark_launch;
#[cfg(feature = "admin")]
pub mod writer;
#[cfg(feature = "testing")]
pub mod testing;
mod request;
mod prepare;
#[cfg(any(feature = "tower", feature = "actix"))]
pub mod web;
#[cfg(any(feature = "metrics", feature = "otel"))]
pub mod telemetry;
#[cfg(feature = "openfeature")]
pub mod openfeature;

// What the process tells of itself.
mod heartbeat;
mod standing;
mod reporter;

// The doors.
mod settings;
mod builder;
#[doc(hidden)]
pub mod __private;
mod macros;

pub use builder::{Builder, DEFAULT_REFRESH, Guard, builder, start_from_env};
pub use clock::Clock;
pub use context::{AttributeValue, EvaluationContext};
pub use details::{AnyValue, ErrorCode, EvaluationDetails, FlagMetadata, Reason};
pub use error::{NotReady, StartError};
pub use evaluate::{Explanation, Step};
pub use event::Event;
pub use flag::Flag;
#[cfg(feature = "testing")]
pub use flags_macros::test;
pub use flags_macros::{FlagValue, feature_flag};
pub use prepare::{Prepare, prepare};
pub use registry::{Registry, registry};
pub use request::RequestScope;
pub use rules::bucket::bucket;
pub use status::{MissingKey, Readiness, RefusedDocument, SourceState, SourceStatus, Status, status};
pub use targeting_keys::TargetingKeys;
pub use types::{FlagRef, FlagValue, Json};

#[cfg(all(doctest, feature = "redis", feature = "testing", feature = "axum", feature = "launchdarkly"))]
#[doc = include_str!("../../README.md")]
struct Readme;
