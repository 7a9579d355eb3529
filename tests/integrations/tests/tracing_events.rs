//! What `tracing` hears: changes, refusals, outages and exposures; never a read.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flags_runtime::exposure::Exposures;
use flags_runtime::source::MemorySource;
use flags_runtime::{EvaluationContext, Flag, builder, feature_flag, flag};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[feature_flag(name = "traced_cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;
#[feature_flag(name = "traced_size", default = 3, expires = "2099-01-01")]
static SIZE: Flag<u8>;

/// Events as lines: level, target, fields.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("flags_runtime")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    /// Waits for a line with all of these.
    fn expect(&self, parts: &[&str]) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !self.0.lock().unwrap().iter().any(|line| parts.iter().all(|part| line.contains(part))) {
            assert!(Instant::now() < give_up, "{parts:?} is not told: {:#?}", self.0.lock().unwrap());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn operators_hear_of_what_happens_and_of_no_read() {
    let log = Log::default();
    // For all threads: what happens in the background is told there.
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let source = MemorySource::new();
    let writer = source.writer();
    let guard = builder().source(source).start().unwrap();
    log.expect(&["INFO flags_runtime", "2 flags, memory"]);
    writer.set("traced_cart", r#"{"enabled":true,"rollout_percentage":50}"#);
    log.expect(&["INFO flags_runtime", "changed: traced_cart"]);
    writer.set("traced_size", r#"{"enabled":true,"value":"many"}"#);
    log.expect(&["WARN flags_runtime", "document of `traced_size` refused"]);

    let before = log.0.lock().unwrap().len();
    let ada = EvaluationContext::new("ada");
    for _ in 0..100 {
        let _ = (flag!(CART, &ada), flag!(SIZE), flag!(CART, &ada, details).value);
    }
    assert_eq!(log.0.lock().unwrap().len(), before, "a read is told of");

    let exposures = Exposures::new().tracing().unwrap();
    flag!(SIZE, &ada, exposed);
    // SHA-256 of "ada", by another program.
    let exposed = [
        "INFO flags_runtime::exposure",
        "flag=\"traced_size\"",
        "variant=\"3\"",
        "reason=\"ERROR\"",
        "\"fdee430d40bd57de\"",
    ];
    log.expect(&exposed);
    drop(exposures);
    drop(guard);
    log.expect(&["INFO flags_runtime", "stopped"]);
}
