//! OpenTelemetry: evaluations as its `feature_flag.evaluation` events, and gauges.
//!
//! Source: <https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/>, of the state "release candidate".

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue as Attribute, LogRecord as _, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{AsyncInstrument, Meter, ObservableGauge};
use opentelemetry::{InstrumentationScope, KeyValue};

use super::gauges::{self, Gauge, What};
use crate::details::{AnyValue, EvaluationDetails};
use crate::hooks::{Hook, HookContext, HookError};
use crate::status::status;
use crate::targeting_keys;

/// Emits a `feature_flag.evaluation` event for every evaluation: `hooks::add(EvaluationEvents::new(&logger_provider))`. Every read
/// is slow then. It belongs to the span in which the flag was read.
///
/// Attributes: `feature_flag.key`, `feature_flag.provider.name` (`flags-runtime`), `feature_flag.result.reason`,
/// `feature_flag.result.variant` (of bools and enums) or `feature_flag.result.value` (of numbers; texts and JSON stay in the
/// process), `feature_flag.context.id` as `builder().targeting_keys(..)` says, `error.type` and `error.message` if there are any.
#[derive(Debug)]
pub struct EvaluationEvents<L> {
    logger: L,
}

const EVENT: &str = "feature_flag.evaluation";

impl<L: Logger + Send + Sync + 'static> EvaluationEvents<L> {
    /// Emits them through this provider.
    pub fn new(provider: &impl LoggerProvider<Logger = L>) -> Self {
        let scope = InstrumentationScope::builder("flags-runtime").with_version(env!("CARGO_PKG_VERSION"));
        Self { logger: provider.logger_with_scope(scope.build()) }
    }
}

impl<L: Logger + Send + Sync + 'static> Hook for EvaluationEvents<L> {
    fn error(&self, evaluation: &mut HookContext<'_>, error: &HookError) {
        // For `finally`, which tells of it.
        *evaluation.data = Some(Box::new(error.to_string()));
    }

    fn finally(&self, evaluation: &mut HookContext<'_>, details: &EvaluationDetails<AnyValue<'_>>) {
        if !self.logger.event_enabled(Severity::Info, "flags_runtime", Some(EVENT)) {
            return;
        }
        let mut record = self.logger.create_log_record();
        record.set_event_name(EVENT);
        record.set_severity_number(Severity::Info);
        record.set_timestamp(SystemTime::now());
        record.add_attribute("feature_flag.key", details.key);
        record.add_attribute("feature_flag.provider.name", "flags-runtime");
        record.add_attribute("feature_flag.result.reason", details.reason.as_str().to_ascii_lowercase());
        if let Some(variant) = &details.variant {
            record.add_attribute("feature_flag.result.variant", Cow::clone(variant).into_owned());
        }
        if let Some(number) = number(details.value) {
            record.add_attribute("feature_flag.result.value", number);
        }
        if let Some(key) = targeting_keys::shown(evaluation.context.targeting_key()) {
            record.add_attribute("feature_flag.context.id", key);
        }
        if let Some(code) = details.error_code {
            record.add_attribute("error.type", code.as_str().to_ascii_lowercase());
        }
        if let Some(message) = evaluation.data.as_ref().and_then(|data| data.downcast_ref::<String>()) {
            record.add_attribute("error.message", message.clone());
        }
        self.logger.emit(record);
    }
}

fn number(value: AnyValue<'_>) -> Option<Attribute> {
    match value {
        AnyValue::Integer(number) => i64::try_from(number).ok().map(Attribute::Int),
        AnyValue::Float(number) => Some(Attribute::Double(number)),
        AnyValue::Bool(_) | AnyValue::Variant(_) | AnyValue::String(_) | AnyValue::Json { .. } => None,
    }
}

/// Registers the gauges `flags.data.age` (s), `flags.connected`, `flags.documents.refused` and `flags.outages`, which are looked
/// up whenever they are collected; the first two have an attribute `flags.origin`: `source` or `override_file`.
pub fn register_gauges(meter: &Meter) -> Vec<ObservableGauge<f64>> {
    let gauge = |what: What| {
        let (name, unit) = match what {
            What::DataAge => ("flags.data.age", "s"),
            What::Connected => ("flags.connected", "1"),
            What::RefusedDocuments => ("flags.documents.refused", "{document}"),
            What::Outages => ("flags.outages", "{flag}"),
        };
        let observe = move |observer: &dyn AsyncInstrument<f64>| {
            for Gauge { origin, value, .. } in gauges::of(&status()).into_iter().filter(|gauge| gauge.what == what) {
                let attribute = origin.map(|origin| KeyValue::new("flags.origin", origin));
                observer.observe(value, attribute.as_slice());
            }
        };
        let builder = meter.f64_observable_gauge(name).with_unit(unit).with_description(what.description());
        builder.with_callback(observe).build()
    };
    What::ALL.map(gauge).into()
}
