//! What `tracing` hears of mismatches: one a second of each flag at most, and values only if they were cleaned.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use flags_runtime::dark_launch::Experiment;
use flags_runtime::{EvaluationContext, Flag, feature_flag};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[feature_flag(name = "told", default = true, expires = "2099-01-01")]
static TOLD: Flag<bool>;
#[feature_flag(name = "told_cleaned", default = true, expires = "2099-01-01")]
static TOLD_CLEANED: Flag<bool>;

/// Events as lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes it");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "flags_runtime::dark_launch"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().expect("no panic").push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_mismatch_is_told_once_a_second_and_without_values_that_were_not_cleaned() {
    let log = Log::default();
    let ctx = EvaluationContext::new("user-42");
    tracing::subscriber::with_default(log.clone(), || {
        for _ in 0..100 {
            assert_eq!(Experiment::new_for(&TOLD, &ctx).run(|| "secret", || "other"), "secret");
        }
        assert_eq!(Experiment::new(&TOLD).run(|| 1, || 1), 1);
        assert_eq!(Experiment::new(&TOLD_CLEANED).clean(|_| "clean").run(|| "secret", || "other"), "secret");
    });
    let lines = log.0.lock().expect("no panic");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(!lines.concat().contains("secret"), "{lines:#?}");
    for part in ["flag=\"told\"", "kind=\"values differ\"", "targeting_key=\"6d894aa3ee802549\"", "suppressed=0"] {
        assert!(lines[0].contains(part), "{part}: {lines:#?}");
    }
    assert!(lines[1].contains("legacy=\"clean\"") && lines[1].contains("body=\"clean\""), "{lines:#?}");
}
