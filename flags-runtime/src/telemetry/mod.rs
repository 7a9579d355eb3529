//! Telemetry: how the flags of this process are, and what they answer, where operators look.
//!
//! Gauges of the data's age, the connection and refused documents, for the `metrics` facade (feature `metrics`) and for
//! OpenTelemetry (feature `otel`); evaluations as counters or as OpenTelemetry's events, only if a hook is added for them, since
//! every read is slow then. What happens in the background is told by `tracing` (feature `tracing`), see
//! [`Event`](crate::Event).

mod gauges;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
