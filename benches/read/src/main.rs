//! What a read costs, beside its floors, in one run. `cargo run --release -p read-bench` takes two minutes; `-- --write` writes the tables
//! of the README.
//!
//! The flags are read as a service reads them, without the features that tests switch on; what those cost is measured by the same
//! program built with `testing`, which this one starts at the end.

#[cfg(feature = "testing")]
mod forced;
mod lists;
mod plain;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bench_harness::{Bench, Settings};
use flags_runtime::source::{MemorySource, MemoryWriter};
use flags_runtime::{EvaluationContext, Guard, builder};

const FILE: &str = "README.md";

/// Keys with their documents.
type Documents = &'static [(&'static str, &'static str)];

fn main() {
    let settings = Settings::from_args(Duration::from_secs(60));
    if cfg!(feature = "testing") {
        #[cfg(feature = "testing")]
        forced::run(&settings);
        return;
    }
    let source = MemorySource::new();
    let writer = source.writer();
    for (key, document) in plain::DOCUMENTS {
        writer.set(key, *document);
    }
    lists::write(&writer);
    let guard = started(source);
    let mut bench = Bench::new();
    plain::add(&mut bench);
    lists::add(&mut bench);
    let changes = AtomicU64::new(0);
    bench.writer(move || change(&writer, changes.fetch_add(1, Ordering::Relaxed)));
    bench.run("read", &settings).publish(FILE, "read", &settings);
    drop(guard);
    let forced = bench_harness::built_with("testing", env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(forced.success(), "the same with `--features testing` failed");
}

fn started(source: MemorySource) -> Guard {
    let guard = builder().source(source).start().expect("nothing else started");
    guard.wait_ready(Duration::from_secs(30)).expect("memory answers");
    guard
}

/// Publishes the next change: of one of 100 keys, those that are read among them. No answer changes, so that a case stays what it is.
fn change(writer: &MemoryWriter, number: u64) {
    const KEYS: usize = 100;
    // A text that differs from the last one is published, if only by its spaces.
    let spaces = if (number / KEYS as u64).is_multiple_of(2) { "" } else { " " };
    #[allow(clippy::cast_possible_truncation, reason = "below 100")]
    match plain::DOCUMENTS.get((number % KEYS as u64) as usize) {
        Some((key, document)) => writer.set(key, format!("{document}{spaces}")),
        None => writer.set(&format!("bench_other_{}", number % KEYS as u64), format!(r#"{{"enabled":true}}{spaces}"#)),
    }
}

/// Somebody who asks: always the same one, and for each thread a context of its own, as each request has.
fn ctx() -> &'static EvaluationContext {
    thread_local! {
        static CTX: Cell<Option<&'static EvaluationContext>> = const { Cell::new(None) };
    }
    CTX.get().unwrap_or_else(|| {
        let ctx = Box::leak(Box::new(EvaluationContext::new("user-500")));
        CTX.set(Some(ctx));
        ctx
    })
}
