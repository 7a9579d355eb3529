//! What a read costs, beside its floors, in one run. `cargo run --release -p read-bench` takes two minutes; `-- --write` writes the tables
//! of the README.
//!
//! The flags are read as a service reads them, without the features that tests switch on; what those cost is measured by the same
//! program built with `testing`, which this one starts at the end.

#[cfg(feature = "testing")]
mod forced;
mod lists;
mod others;
mod plain;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bench_harness::{Bench, Settings};
use flags_runtime::source::{MemorySource, MemoryWriter};
use flags_runtime::{EvaluationContext, Event, Guard, builder};

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
    let (changes, before) = (AtomicUsize::new(0), PUBLISHED.load(Ordering::Relaxed));
    let mut bench = Bench::new();
    plain::add(&mut bench);
    lists::add(&mut bench);
    bench.writer(|| change(&writer, changes.fetch_add(1, Ordering::Relaxed)));
    let table = bench.run("read", &settings);
    let (written, published) = (changes.load(Ordering::Relaxed), PUBLISHED.load(Ordering::Relaxed) - before);
    println!("{written} changes beside the reads, {published} of them published one by one");
    assert!(settings.is_test || published * 10 > written * 9, "the writer does not do what the table says");
    table.publish(FILE, "read", &settings);
    drop(guard);
    let forced = bench_harness::built_with("testing", env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(forced.success(), "the same with `--features testing` failed");
}

/// Flags that have changed so far.
static PUBLISHED: AtomicUsize = AtomicUsize::new(0);

fn started(source: MemorySource) -> Guard {
    let count = |event: &Event| {
        if let Event::Changed { flags, .. } = event {
            PUBLISHED.fetch_add(flags.len(), Ordering::Relaxed);
        }
    };
    let guard = builder().source(source).on_event(count).start().expect("nothing else started");
    guard.wait_ready(Duration::from_secs(30)).expect("memory answers");
    guard
}

/// Publishes the next change: of one of 100 flags, those that are read among them. No answer changes, so that a case stays what it is.
fn change(writer: &MemoryWriter, number: usize) {
    let flags = plain::DOCUMENTS.len() + others::KEYS.len();
    // A text that differs from the last one is published, if only by its spaces.
    let spaces = if (number / flags).is_multiple_of(2) { "" } else { " " };
    let at = number % flags;
    match plain::DOCUMENTS.get(at) {
        Some((key, document)) => writer.set(key, format!("{document}{spaces}")),
        None => writer.set(others::KEYS[at - plain::DOCUMENTS.len()], format!(r#"{{"enabled":true}}{spaces}"#)),
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
