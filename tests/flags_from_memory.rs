//! Typed flags from documents to answers, through a running memory source.
//!
//! The source is process-wide, so the tests of this file take turns.

use std::time::{Duration, Instant};

use flags_runtime::source::{Change, MemorySource, MemoryWriter, Mode, Source, SourceError};
use flags_runtime::{
    ErrorCode, EvaluationContext, Event, Flag, FlagValue, Guard, Json, Readiness, Reason, SourceState, Step, builder,
    feature_flag, flag, registry, status,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::turn::Turn;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    #[flag_value(rename = "b", alias = "old-b")]
    VariantB,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Limits {
    max: u32,
}

fn made() -> String {
    "made".to_owned()
}

#[feature_flag(name = "checkout", default = false, expires = "2099-01-01")]
static CHECKOUT: Flag<bool>;
#[feature_flag(name = "on_by_default", default = true, expires = "2099-01-01")]
static ON_BY_DEFAULT: Flag<bool>;
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "small", default = 3, expires = "2099-01-01")]
static SMALL: Flag<u8>;
#[feature_flag(name = "big", default = u64::MAX, expires = "2099-01-01")]
static BIG: Flag<u64>;
#[feature_flag(name = "signed", default = -1, expires = "2099-01-01")]
static SIGNED: Flag<i64>;
#[feature_flag(name = "ratio", default = 0.25, expires = "2099-01-01")]
static RATIO: Flag<f64>;
#[feature_flag(name = "title", default = "default", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "made_title", default_fn = made, expires = "2099-01-01")]
static MADE_TITLE: Flag<String>;
#[feature_flag(name = "limits", default = Limits { max: 5 }, expires = "2099-01-01")]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "keyed", key = "legacy key/ü", default = false, expires = "2099-01-01")]
static KEYED: Flag<bool>;

struct Running {
    writer: MemoryWriter,
    guard: Guard,
    _turn: Turn,
}

fn start(documents: &[(&str, &str)]) -> Running {
    let turn = Turn::take();
    let source = MemorySource::new();
    let writer = source.writer();
    for (key, document) in documents {
        writer.set(key, *document);
    }
    let guard = builder().source(source).track_reads().start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    Running { writer, guard, _turn: turn }
}

#[track_caller]
fn assert_soon(condition: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(5), condition), "not within 5 s");
}

#[test]
fn every_type_answers_its_default_and_its_document() {
    let running = start(&[]);
    let ctx = EvaluationContext::new("u1");
    assert_eq!((flag!(CHECKOUT), flag!(ON_BY_DEFAULT), flag!(SMALL), flag!(BIG)), (false, true, 3, u64::MAX));
    assert_eq!((flag!(SIGNED), flag!(PRICING, &ctx)), (-1, Pricing::Control));
    assert!((flag!(RATIO) - 0.25).abs() < f64::EPSILON);
    assert_eq!((&*flag!(TITLE), &*flag!(MADE_TITLE), flag!(LIMITS).max), ("default", "made", 5));

    running.writer.set("checkout", r#"{"enabled":true}"#);
    running.writer.set("on_by_default", r#"{"enabled":false}"#);
    running.writer.set("pricing", r#"{"enabled":true,"value":"old-b"}"#);
    running.writer.set("small", r#"{"enabled":true,"value":1e2}"#);
    running.writer.set("big", r#"{"enabled":true,"value":18446744073709551614}"#);
    running.writer.set("signed", r#"{"enabled":true,"value":-9223372036854775808}"#);
    running.writer.set("ratio", r#"{"enabled":true,"value":33.333}"#);
    running.writer.set("title", r#"{"enabled":true,"value":"h\u00e9llo"}"#);
    running.writer.set("made_title", r#"{"enabled":true,"value":""}"#);
    running.writer.set("limits", r#"{"enabled":true,"value":{"max":9}}"#);
    assert_soon(|| flag!(LIMITS).max == 9);
    assert_eq!((flag!(CHECKOUT), flag!(ON_BY_DEFAULT), flag!(SMALL)), (true, false, 100));
    assert_eq!((flag!(BIG), flag!(SIGNED), flag!(PRICING)), (u64::MAX - 1, i64::MIN, Pricing::VariantB));
    assert_eq!(flag!(RATIO).to_bits(), 33.333_f64.to_bits());
    assert_eq!((&*flag!(TITLE, &ctx), &*flag!(MADE_TITLE)), ("héllo", ""));
    assert_eq!(flag!(TITLE).into_owned(), "héllo".to_owned());
    let borrowed: &str = &flag!(TITLE);
    assert_eq!(borrowed, "héllo", "a reference to a read coerces as any other");
    assert_eq!(flag!(PRICING, details).variant.as_deref(), Some("b"));
    assert_eq!(flag!(CHECKOUT, details).variant.as_deref(), Some("on"));
}

#[test]
fn each_step_of_the_decision_has_its_reason() {
    let running = start(&[(
        "checkout",
        r#"{"enabled":true,"rollout_percentage":0,"allowed_users":["ada"],"allowed_groups":["beta"]}"#,
    )]);
    let reason = |ctx: &EvaluationContext| {
        let details = flag!(CHECKOUT, ctx, details);
        (details.value, details.reason, details.error_code)
    };
    let (ada, beta) = (EvaluationContext::new("ada"), EvaluationContext::new("bob").group("x").group("beta"));
    assert_eq!(reason(&ada), (true, Reason::TargetingMatch, None));
    assert_eq!(reason(&beta), (true, Reason::TargetingMatch, None));
    assert_eq!(reason(&EvaluationContext::new("eve")), (false, Reason::Static, None));
    running.writer.set("checkout", r#"{"enabled":true,"rollout_percentage":42}"#);
    assert_soon(|| flag!(CHECKOUT, &ada, details).reason == Reason::Split);
    running.writer.set("checkout", r#"{"enabled":false,"allowed_users":["ada"]}"#);
    assert_soon(|| reason(&ada) == (false, Reason::Disabled, None));
    running.writer.remove("checkout");
    assert_soon(|| reason(&ada) == (false, Reason::Default, None));
}

#[test]
fn a_flag_with_a_key_reads_and_hashes_the_key() {
    let running =
        start(&[("keyed", r#"{"enabled":true}"#), ("legacy key/ü", r#"{"enabled":true,"rollout_percentage":50}"#)]);
    for n in 0..50 {
        let user = format!("u{n}");
        let ctx = EvaluationContext::new(user.as_str());
        assert_eq!(flag!(KEYED, &ctx), flags_runtime::bucket("legacy key/ü", &user) < 50.0, "{user}");
    }
    assert_eq!(flag!(KEYED, details).key, "legacy key/ü");
    drop(running);
}

#[test]
fn configured_is_the_enabled_documents_value_whoever_asks() {
    let running = start(&[
        ("pricing", r#"{"enabled":true,"rollout_percentage":0,"value":"variant_a"}"#),
        ("title", r#"{"enabled":true,"value":null}"#),
        ("checkout", r#"{"enabled":true,"value":false}"#),
        ("on_by_default", r#"{"enabled":true,"value":"text beside a switch is allowed"}"#),
        ("small", r#"{"enabled":false,"value":9}"#),
    ]);
    assert_eq!((PRICING.configured(), flag!(PRICING)), (Some(Pricing::VariantA), Pricing::Control));
    assert!(TITLE.configured().is_none());
    assert_eq!((CHECKOUT.configured(), flag!(CHECKOUT)), (Some(false), true));
    assert_eq!((ON_BY_DEFAULT.configured(), flag!(ON_BY_DEFAULT)), (None, true));
    assert_eq!(SMALL.configured(), None);
    assert!(LIMITS.configured().is_none(), "no document");
    drop(running);
}

#[test]
fn a_refused_document_keeps_the_last_good_state_and_touches_no_other_flag() {
    let running = start(&[("small", r#"{"enabled":true,"value":256}"#), ("checkout", r#"{"enabled":true}"#)]);
    let details = flag!(SMALL, details);
    assert_eq!((details.value, details.reason, details.error_code), (3, Reason::Error, Some(ErrorCode::TypeMismatch)));
    assert!(matches!(flag!(SMALL, explain).steps[..], [Step::Refused { .. }]));
    assert!(flag!(CHECKOUT));
    assert_eq!(running.guard.status().refused.len(), 1);
    let refused = running.guard.status().refused;
    assert!(refused[0].error.to_string().contains("0 to 255"), "{refused:?}");

    running.writer.set("small", r#"{"enabled":true,"value":7}"#);
    assert_soon(|| flag!(SMALL) == 7);
    running.writer.set("small", "{half a docum");
    assert_soon(|| !status().refused.is_empty());
    assert_eq!((flag!(SMALL), flag!(SMALL, details).reason), (7, Reason::Static));
    let explained = flag!(SMALL, explain);
    assert!(matches!(explained.steps[..], [Step::Refused { .. }, Step::Enabled { .. }, _]), "{explained}");
    running.writer.set("small", r#"{"enabled":true,"value":8}"#);
    assert_soon(|| flag!(SMALL) == 8 && status().refused.is_empty());
}

#[test]
fn a_lost_context_is_counted_and_shown() {
    let running = start(&[
        ("checkout", r#"{"enabled":true,"rollout_percentage":50}"#),
        ("title", r#"{"enabled":true,"rollout_percentage":0,"allowed_groups":["beta"],"value":"x"}"#),
    ]);
    let count = |name: &str| {
        status().missing_keys.iter().find(|missing| missing.flag == name).map_or(0, |missing| missing.count)
    };
    let before = count("checkout");
    assert_eq!(flag!(CHECKOUT, details).error_code, Some(ErrorCode::TargetingKeyMissing));
    assert_eq!(flag!(CHECKOUT), flags_runtime::bucket("checkout", "") < 50.0, "the formula still answers");
    assert_eq!(count("checkout"), before + 2);
    let details = flag!(TITLE, &EvaluationContext::anonymous().group("beta"), details);
    assert_eq!((details.reason, details.error_code), (Reason::TargetingMatch, None), "a group needs no key");
    drop(running);
}

#[test]
fn unread_flags_are_known_and_a_read_settles_them_again() {
    let running = start(&[("checkout", r#"{"enabled":true}"#)]);
    assert!(running.guard.status().unread.contains(&"checkout"));
    assert!(flag!(CHECKOUT));
    assert!(!running.guard.status().unread.contains(&"checkout"));
    assert!(running.guard.status().unread.contains(&"ratio"));
}

#[test]
fn a_second_start_is_an_error_and_a_start_after_the_guard_is_not() {
    let running = start(&[("checkout", r#"{"enabled":true}"#)]);
    let error = builder().start().unwrap_err().to_string();
    assert!(error.contains("started already") && error.contains("first guard"), "{error}");
    assert!(flag!(CHECKOUT), "the failed start changed nothing");
    assert!(
        format!("{:?}", builder().start().unwrap_err()).contains("first guard"),
        "what `main` prints is a sentence"
    );

    let Running { writer, guard, _turn } = running;
    let stopping = Instant::now();
    drop(guard);
    // A second is what is promised; the rest is for a busy machine.
    assert!(stopping.elapsed() < Duration::from_secs(3));
    assert_eq!(status().source.unwrap().state, SourceState::Stopped);
    assert!(flag!(CHECKOUT), "reads keep the last decision");
    writer.set("checkout", r#"{"enabled":false}"#);
    assert!(flag!(CHECKOUT), "nobody listens any more");

    let again = builder().start().unwrap();
    assert_eq!(again.wait_ready(Duration::ZERO), Ok(Readiness::NoSource));
    assert!(again.status().source.is_none());
    assert_eq!(flag!(CHECKOUT, details).reason, Reason::Default, "and it says the truth: declared defaults");
}

#[test]
fn documents_of_an_earlier_source_do_not_survive_the_next() {
    let first = start(&[("checkout", r#"{"enabled":true}"#)]);
    assert!(flag!(CHECKOUT));
    drop(first);
    let second = start(&[]);
    assert!(!flag!(CHECKOUT));
    drop(second);
}

#[test]
fn a_held_reference_stays_as_it_was_read() {
    let running = start(&[("title", r#"{"enabled":true,"value":"first"}"#)]);
    let held = flag!(TITLE);
    running.writer.set("title", r#"{"enabled":true,"value":"second"}"#);
    assert_soon(|| flag!(TITLE) == "second");
    assert_eq!(held, "first");
    let from_another_thread = std::thread::spawn(move || held.to_string());
    assert_eq!(from_another_thread.join().unwrap(), "first");
}

#[test]
fn forced_values_stand_above_the_source_on_their_thread_only() {
    let running = start(&[("title", r#"{"enabled":true,"value":"document"}"#), ("checkout", r#"{"enabled":true}"#)]);
    let outer = CHECKOUT.force(false);
    let inner = CHECKOUT.force(true);
    let _title = TITLE.force("forced");
    let _limits = LIMITS.force(Limits { max: 1 });
    assert!(flag!(CHECKOUT));
    assert_eq!((flag!(TITLE).into_owned(), flag!(LIMITS).max), ("forced".to_owned(), 1));
    assert_eq!(flag!(TITLE, details).reason, Reason::Override);
    std::thread::scope(|threads| {
        threads.spawn(|| assert_eq!(flag!(TITLE), "document"));
    });
    drop(outer);
    assert!(flag!(CHECKOUT), "guards go in any order; the inner one lives");
    running.writer.set("checkout", r#"{"enabled":false}"#);
    assert_soon(|| flag!(CHECKOUT, details).reason == Reason::Override && status().good.contains(&"checkout"));
    drop(inner);
    assert_soon(|| !flag!(CHECKOUT));
}

#[test]
fn forced_values_go_when_a_test_panics() {
    let running = start(&[]);
    let panicked = std::panic::catch_unwind(|| {
        let _on = CHECKOUT.force(true);
        assert!(!flag!(CHECKOUT), "on purpose");
    });
    assert!(panicked.is_err());
    assert!(!flag!(CHECKOUT));
    drop(running);
}

#[test]
fn async_readiness_needs_no_runtime() {
    let running = start(&[]);
    let mut ready = std::pin::pin!(running.guard.ready());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(ready.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(Readiness::Live)));
}

#[test]
fn registry_is_sorted_and_knows_every_call_site_of_this_binary() {
    let names: Vec<_> = registry().flags().iter().map(|flag| flag.declaration().name()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(registry().get("pricing").unwrap().declaration().variants(), ["control", "variant_a", "b"]);
    assert!(registry().get("pricin").is_none());
    let sites = registry().call_sites().unwrap();
    let here =
        |name: &str| sites.iter().filter(|site| site.name == name && site.file.as_deref() == Some(file!())).count();
    let text = include_str!("flags_from_memory.rs");
    assert_eq!(here("ratio"), text.matches("flag!(RATIO").count() - 1, "this very line is the one too many");
    assert!(sites.iter().all(|site| site.line.is_some() && site.column.is_some()));
}

/// A source that does what a test tells it to.
struct Scripted<F, W>(F, W);

impl<F, W> Source for Scripted<F, W>
where
    F: FnMut(&[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> + Send + 'static,
    W: FnMut() -> Result<Change, SourceError> + Send + 'static,
{
    fn describe(&self) -> String {
        "scripted".to_owned()
    }

    fn fetch(&mut self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
        self.0(keys)
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        std::thread::park_timeout(timeout);
        self.1()
    }

    fn mode(&self) -> Mode {
        Mode::Push
    }
}

#[test]
fn what_an_earlier_source_says_too_late_is_neither_obeyed_nor_written_down() {
    let turn = start(&[]);
    let Running { guard, _turn, .. } = turn;
    drop(guard);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let blocks = Scripted(
        move |keys: &[&str]| {
            // Longer than a stop waits: a host that does not answer.
            let _ = released.recv();
            let _ = end.send(());
            Ok(keys.iter().map(|_| Some(br#"{"enabled":true}"#.to_vec())).collect())
        },
        || Ok(Change::Nothing),
    );
    drop(builder().source(blocks).start().unwrap());
    let second = MemorySource::new();
    second.writer().set("small", r#"{"enabled":true,"value":9}"#);
    let guard = builder().source(second).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    release.send(()).unwrap();
    ended.recv().unwrap();
    // The late thread has nothing left to do but to bring its answer; a full second of looking is plenty.
    let was_disturbed = eventually(Duration::from_secs(1), || !guard.status().is_live() || flag!(CHECKOUT));
    assert!(!was_disturbed, "{:?}", guard.status());
    assert_eq!(flag!(SMALL), 9);
}

#[test]
fn a_source_that_answers_too_little_is_an_error() {
    let Running { guard, _turn, .. } = start(&[("checkout", r#"{"enabled":true}"#)]);
    drop(guard);
    let guard = builder().source(Scripted(|_: &[&str]| Ok(Vec::new()), || Ok(Change::Nothing))).start().unwrap();
    assert_soon(|| status().source.unwrap().last_error.is_some_and(|error| error.contains("0 documents for")));
    assert!(flag!(CHECKOUT), "the last decision stays");
    drop(guard);
}

#[test]
fn a_source_that_panics_is_started_again_and_says_so() {
    let Running { guard, _turn, .. } = start(&[]);
    drop(guard);
    let mut calls = 0;
    let panics_once = Scripted(
        move |keys: &[&str]| {
            calls += 1;
            assert!(calls > 1, "a source panics on purpose");
            Ok(keys.iter().map(|_| None).collect())
        },
        || Ok(Change::Nothing),
    );
    let guard = builder().source(panics_once).start().unwrap();
    assert!(eventually(Duration::from_secs(10), || guard.status().is_live()), "{:?}", guard.status());
    assert_eq!(guard.status().source.unwrap().restarts, 1);
}

#[test]
fn a_refresh_of_nothing_or_of_ever_is_brought_into_bounds() {
    let Running { guard, _turn, .. } = start(&[]);
    drop(guard);
    for interval in [Duration::ZERO, Duration::MAX] {
        let fetches = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = std::sync::Arc::clone(&fetches);
        let source = Scripted(
            move |keys: &[&str]| {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(keys.iter().map(|_| None).collect())
            },
            || Ok(Change::Nothing),
        );
        let guard = builder().source(source).refresh(interval).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        let too_many = || fetches.load(std::sync::atomic::Ordering::Relaxed) > 20;
        assert!(!eventually(Duration::from_millis(500), too_many), "{interval:?}: {fetches:?}");
        assert_eq!(guard.status().source.unwrap().restarts, 0, "{interval:?}");
    }
}

#[test]
fn events_tell_what_changed_what_was_refused_and_the_end() {
    let Running { guard, _turn, .. } = start(&[]);
    drop(guard);
    let (tell, told) = std::sync::mpsc::channel();
    let source = MemorySource::new();
    let writer = source.writer();
    let listener = move |event: &Event| drop(tell.send(event.to_string()));
    let guard = builder().source(source).on_event(listener).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    let next = || told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(next().contains("11 flags, memory (push), 0 documents, missing big, checkout,"));
    writer.set("small", r#"{"enabled":true,"value":5}"#);
    assert_eq!(next(), "changed: small");
    writer.set("small", r#"{"enabled":true,"value":-5}"#);
    let refused = next();
    assert!(refused.contains("`small` refused") && refused.contains("0 to 255"), "{refused}");
    writer.set("checkout", r#"{"enabled":true,"rollout_percentge":0,"a\nb":[]}"#);
    assert_eq!(next(), "changed: checkout");
    assert_eq!(
        next(),
        "document of `checkout` is in force, but nothing knows its fields `rollout_percentge`, `a\\nb`: misspelt fields \
         read as missing"
    );
    drop(guard);
    assert_eq!(next(), "stopped: the guard was dropped, the last decisions stay");
    assert!(
        told.recv_timeout(Duration::from_secs(1)).is_err(),
        "nothing else was told, and nothing is told after the end"
    );
}
