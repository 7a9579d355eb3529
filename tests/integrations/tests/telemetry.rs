//! What operators see: gauges, counters and events, of a process whose source comes, errs and goes.
//!
//! One test: recorders and the source are process-wide.

#![allow(clippy::float_cmp, reason = "counts, which are exact")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flags_runtime::source::{Change, MemorySource, MemoryWriter, Mode, Source, SourceError};
use flags_runtime::telemetry::{metrics::EvaluationCounter, metrics::record, otel};
use flags_runtime::{ErrorCode, EvaluationContext, Flag, FlagValue, Reason, builder, feature_flag, flag, hooks};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use opentelemetry::logs::AnyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ScopeMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[feature_flag(name = "telemetry_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "telemetry_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "telemetry_size", default = 3, expires = "2099-01-01")]
static SIZE: Flag<u8>;
#[feature_flag(name = "telemetry_text", default = "a secret", expires = "2099-01-01")]
static TEXT: Flag<String>;

/// A source that can be lost.
struct Fragile {
    memory: MemorySource,
    is_lost: Arc<AtomicBool>,
}

impl Source for Fragile {
    fn describe(&self) -> String {
        "fragile".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(SourceError::unreachable("the test has cut it off"));
        }
        self.memory.fetch(keys)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(SourceError::unreachable("the test has cut it off"));
        }
        self.memory.wait(timeout.min(Duration::from_millis(20)))
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }
}

fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !condition() {
        if Instant::now() > give_up {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Gauges and counters by name and labels.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    let entry = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
        let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Gauge(value) => value.into_inner(),
            #[allow(clippy::cast_precision_loss, reason = "a few reads")]
            DebugValue::Counter(count) => count as f64,
            DebugValue::Histogram(_) => panic!("we have none"),
        };
        (format!("{} {}", key.key().name(), labels.join(" ")).trim_end().to_owned(), value)
    };
    metrics.map(entry).collect()
}

/// The gauges of OpenTelemetry, by name and origin.
fn collected(provider: &SdkMeterProvider, exporter: &InMemoryMetricExporter) -> BTreeMap<String, f64> {
    exporter.reset();
    provider.force_flush().unwrap();
    let mut collected = BTreeMap::new();
    for metrics in exporter.get_finished_metrics().unwrap() {
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            let AggregatedMetrics::F64(MetricData::Gauge(gauge)) = metric.data() else { panic!("{metric:?}") };
            for point in gauge.data_points() {
                let origin: String = point.attributes().map(|attribute| attribute.value.to_string()).collect();
                collected.insert(format!("{} {origin}", metric.name()).trim_end().to_owned(), point.value());
            }
        }
    }
    collected
}

#[derive(Clone)]
struct Told(Arc<Mutex<Vec<String>>>);

/// A hook that fails before the flag is evaluated.
struct Failing;

impl hooks::Hook for Failing {
    fn before(&self, _: &mut hooks::HookContext<'_>) -> Result<Option<EvaluationContext>, hooks::HookError> {
        Err("on purpose".into())
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one story, in the order in which it happens")]
fn operators_see_age_connection_refusals_and_evaluations() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let exporter = InMemoryMetricExporter::default();
    let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    let _gauges = otel::register_gauges(&meters.meter("test"));

    let (memory, is_lost) = (MemorySource::new(), Arc::new(AtomicBool::new(false)));
    let writer: MemoryWriter = memory.writer();
    let told = Told(Arc::default());
    let guard = builder()
        .source(Fragile { memory, is_lost: Arc::clone(&is_lost) })
        .on_event({
            let told = told.clone();
            move |event| told.0.lock().unwrap().push(event.to_string())
        })
        .start()
        .unwrap();
    guard.wait_ready(Duration::from_secs(10)).unwrap();

    // By themselves, without `record`.
    assert!(eventually(|| recorded(&snapshotter).contains_key("flags_connected origin=source")));
    record();
    let live = recorded(&snapshotter);
    assert_eq!((live["flags_connected origin=source"], live["flags_refused_documents"]), (1.0, 0.0), "{live:?}");
    assert!((0.0..10.0).contains(&live["flags_data_age_seconds origin=source"]), "{live:?}");
    let live = collected(&meters, &exporter);
    assert_eq!((live["flags.connected source"], live["flags.documents.refused"]), (1.0, 0.0), "{live:?}");

    writer.set("telemetry_size", r#"{"enabled":true,"value":1000}"#);
    assert!(eventually(|| flags_runtime::status().refused.len() == 1));
    record();
    assert_eq!(recorded(&snapshotter)["flags_refused_documents"], 1.0);
    assert_eq!(collected(&meters, &exporter)["flags.documents.refused"], 1.0);

    // Evaluations, while somebody wants them.
    writer.set("telemetry_pricing", r#"{"enabled":true,"value":"variant_a","rollout_percentage":50}"#);
    assert!(eventually(|| PRICING.configured().is_some()));
    let logs = InMemoryLogExporter::default();
    let loggers = SdkLoggerProvider::builder().with_simple_exporter(logs.clone()).build();
    let counting = hooks::add(EvaluationCounter);
    let telling = hooks::add(otel::EvaluationEvents::new(&loggers));
    let ada = EvaluationContext::new("ada");
    let pricing = flag!(PRICING, &ada);
    (flag!(CART, &ada), flag!(CART, &ada), flag!(SIZE), flag!(TEXT, &ada));
    drop((counting, telling));
    flag!(CART, &ada);

    let counted = recorded(&snapshotter);
    let of = |flag: &str| {
        let mut of_flag = counted.iter().filter(|(name, _)| name.contains(flag));
        let (name, count) = of_flag.next().unwrap_or_else(|| panic!("{flag}: {counted:?}"));
        (name.clone(), *count)
    };
    assert_eq!(
        of("flag=telemetry_cart"),
        ("flags_evaluations_total flag=telemetry_cart variant=off reason=DEFAULT".into(), 2.0)
    );
    let variant = if pricing == Pricing::VariantA { "variant_a" } else { "control" };
    let split = format!("flags_evaluations_total flag=telemetry_pricing variant={variant} reason=SPLIT");
    assert_eq!(of("flag=telemetry_pricing"), (split, 1.0));
    assert_eq!(of("flag=telemetry_size").0, "flags_evaluations_total flag=telemetry_size variant= reason=ERROR");

    let emitted: Vec<_> = logs.get_emitted_logs().unwrap().into_iter().map(|log| log.record).collect();
    assert_eq!(emitted.len(), 5, "four flags, one of them twice");
    let attributes = |key: &str| -> BTreeMap<String, String> {
        let text = |value: &AnyValue| match value {
            AnyValue::String(text) => text.to_string(),
            AnyValue::Int(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        let all = emitted.iter().map(|record| {
            assert_eq!(record.event_name(), Some("feature_flag.evaluation"));
            record.attributes_iter().map(|(name, value)| (name.to_string(), text(value))).collect::<BTreeMap<_, _>>()
        });
        all.into_iter().find(|attributes| attributes["feature_flag.key"] == key).unwrap()
    };
    let expected = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    // SHA-256 of "ada", by another program.
    let (provider, ada) =
        (("feature_flag.provider.name", "flags-runtime"), ("feature_flag.context.id", "fdee430d40bd57de"));
    assert_eq!(
        attributes("telemetry_pricing"),
        expected(&[
            ("feature_flag.key", "telemetry_pricing"),
            provider,
            ada,
            ("feature_flag.result.reason", "split"),
            ("feature_flag.result.variant", variant),
        ])
    );
    assert_eq!(
        attributes("telemetry_text"),
        expected(&[("feature_flag.key", "telemetry_text"), provider, ada, ("feature_flag.result.reason", "default"),]),
        "texts stay in the process"
    );
    let refused = attributes("telemetry_size");
    assert_eq!(refused["error.type"], "type_mismatch");
    assert_eq!(refused["feature_flag.result.value"], "3");
    assert!(refused["error.message"].contains("refused"), "{refused:?}");
    assert!(!refused.contains_key("feature_flag.context.id"), "nobody is known");

    // A hook that fails before: the default, told of as an error.
    let telling = hooks::add(otel::EvaluationEvents::new(&loggers));
    let failing = hooks::add(Failing);
    let details = flag!(PRICING, details);
    assert_eq!((details.reason, details.error_code), (Reason::Error, Some(ErrorCode::General)));
    drop((telling, failing));
    let last = logs.get_emitted_logs().unwrap().pop().unwrap();
    let message = last.record.attributes_iter().find(|(name, _)| name.as_str() == "error.message");
    assert_eq!(message.map(|(_, value)| value.clone()), Some(AnyValue::from("on purpose")));

    is_lost.store(true, Ordering::Relaxed);
    assert!(eventually(|| !flags_runtime::status().is_live()));
    record();
    let cut_off = recorded(&snapshotter);
    assert_eq!(cut_off["flags_connected origin=source"], 0.0);
    assert_eq!(collected(&meters, &exporter)["flags.connected source"], 0.0);
    let age = |gauges: BTreeMap<String, f64>| gauges["flags_data_age_seconds origin=source"];
    let before = age(cut_off);
    assert!(eventually(|| {
        record();
        age(recorded(&snapshotter)) > before
    }));
    drop(guard);
    let told = told.0.lock().unwrap();
    assert!(told.iter().any(|event| event.contains("cut it off")), "{told:?}");
}
