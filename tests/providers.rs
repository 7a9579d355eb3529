//! Providers: who decides flags by themselves, what stands above and below them, and what happens when they fail.
//!
//! A start is process-wide, so the tests of this file take turns.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flags_runtime::hooks::{self, Hook, HookContext, HookError};
use flags_runtime::provider::{
    Provider, ProviderError, ProviderEvents, ProviderState, Resolution, ResolutionError, Value, ValueType,
};
use flags_runtime::source::MemorySource;
use flags_runtime::{
    AttributeValue, ErrorCode, EvaluationContext, Event, Flag, FlagValue, Guard, Json, Readiness, Reason, RequestScope,
    StartError, builder, feature_flag, flag, prepare, status,
};
use flags_workspace_tests::eventually;

#[derive(Clone, Copy, Debug, PartialEq, Eq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Limits {
    max: u32,
}

#[feature_flag(name = "provided", default = false, expires = "2099-01-01", provider = fake)]
static PROVIDED: Flag<bool>;
#[feature_flag(name = "provided_other", default = false, expires = "2099-01-01", provider = fake)]
static OTHER: Flag<bool>;
#[feature_flag(
    name = "provided_pricing",
    key = "Pricing!",
    default = Pricing::Control,
    expires = "2099-01-01",
    provider = "fake"
)]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "provided_size", default = 3, expires = "2099-01-01", provider = fake)]
static SIZE: Flag<u8>;
#[feature_flag(name = "provided_ratio", default = 0.5, expires = "2099-01-01", provider = fake)]
static RATIO: Flag<f64>;
#[feature_flag(name = "provided_title", default = "declared", expires = "2099-01-01", provider = fake)]
static TITLE: Flag<String>;
#[feature_flag(name = "provided_limits", default = Limits { max: 5 }, expires = "2099-01-01", provider = fake)]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "documented", default = false, expires = "2099-01-01")]
static DOCUMENTED: Flag<bool>;

const SOON: Duration = Duration::from_secs(20);
const ON: &str = r#"{"enabled":true}"#;

type Resolved = Result<Resolution, ResolutionError>;
type Decide = dyn Fn(&str, ValueType, &EvaluationContext) -> Resolved + Send + Sync;

/// A provider that does as it is told.
#[derive(Clone)]
struct Fake {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    /// Whether it has its answers at hand.
    is_quick: AtomicBool,
    decide: Mutex<Arc<Decide>>,
    settled: Mutex<BTreeMap<String, Resolution>>,
    calls: AtomicUsize,
    events: Mutex<Option<ProviderEvents>>,
    started: Condvar,
    is_stopped: AtomicBool,
    counts: bool,
}

impl Fake {
    fn new(decide: impl Fn(&str, ValueType, &EvaluationContext) -> Resolved + Send + Sync + 'static) -> Self {
        Self::called("fake", decide)
    }

    fn called(
        name: &'static str,
        decide: impl Fn(&str, ValueType, &EvaluationContext) -> Resolved + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            name,
            is_quick: AtomicBool::new(true),
            decide: Mutex::new(Arc::new(decide)),
            settled: Mutex::default(),
            calls: AtomicUsize::new(0),
            events: Mutex::new(None),
            started: Condvar::new(),
            is_stopped: AtomicBool::new(false),
            counts: false,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same, with nothing at hand.
    fn slow(self) -> Self {
        self.shared.is_quick.store(false, Ordering::SeqCst);
        self
    }

    fn decides(&self, decide: impl Fn(&str, ValueType, &EvaluationContext) -> Resolved + Send + Sync + 'static) {
        *self.shared.decide.lock().unwrap() = Arc::new(decide);
    }

    fn settles(&self, key: &str, resolution: Option<Resolution>) {
        let mut settled = self.shared.settled.lock().unwrap();
        match resolution {
            Some(resolution) => settled.insert(key.to_owned(), resolution),
            None => settled.remove(key),
        };
        drop(settled);
        self.events().changed([key]);
    }

    fn events(&self) -> ProviderEvents {
        let events = self.shared.events.lock().unwrap();
        let (events, _) = self.shared.started.wait_timeout_while(events, SOON, |events| events.is_none()).unwrap();
        events.clone().expect("it is started")
    }

    fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    fn decided(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Resolved {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        let decide = Arc::clone(&self.shared.decide.lock().unwrap_or_else(PoisonError::into_inner));
        decide(key, value_type, ctx)
    }
}

impl Provider for Fake {
    fn name(&self) -> &str {
        self.shared.name
    }

    fn resolve(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Resolved {
        self.decided(key, value_type, ctx)
    }

    fn resolve_now(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Option<Resolved> {
        self.shared.is_quick.load(Ordering::SeqCst).then(|| self.decided(key, value_type, ctx))
    }

    fn settled(&self, key: &str, _: ValueType) -> Option<Resolved> {
        self.shared.settled.lock().unwrap().get(key).cloned().map(Ok)
    }

    fn counts_settled_reads(&self) -> bool {
        self.shared.counts
    }

    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        events.ready();
        *self.shared.events.lock().unwrap() = Some(events);
        self.shared.started.notify_all();
        Ok(())
    }

    fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
    }
}

fn turn() -> MutexGuard<'static, ()> {
    static TURNS: Mutex<()> = Mutex::new(());
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(fake: &Fake) -> Guard {
    let guard = builder().provider(fake.clone()).start().unwrap();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));
    guard
}

fn user(name: &str) -> EvaluationContext {
    EvaluationContext::new(name)
}

fn not_found() -> Resolved {
    Err(ResolutionError::new(ErrorCode::FlagNotFound, "never heard of it"))
}

fn of_the_provider(name: &str) -> flags_runtime::provider::ProviderStatus {
    status().providers.into_iter().find(|provider| provider.name == name).expect("it is at work")
}

#[test]
fn a_provider_decides_flags_of_every_type_for_who_asks() {
    let _turn = turn();
    let fake = Fake::new(|key, value_type, ctx| {
        let is_ada = ctx.targeting_key() == "ada";
        let (expected, resolution) = match key {
            "provided" | "provided_other" => (ValueType::Boolean, Resolution::new(is_ada).variant("yes")),
            "Pricing!" => (ValueType::String, Resolution::new("variant_a").variant("the new one")),
            "provided_size" => (ValueType::Integer, Resolution::new(7)),
            "provided_ratio" => (ValueType::Float, Resolution::new(0.25)),
            "provided_title" => (ValueType::String, Resolution::new("told")),
            "provided_limits" => (ValueType::Object, Resolution::new(Value::Json(r#"{"max":9}"#.to_owned()))),
            _ => return not_found(),
        };
        assert_eq!(value_type, expected, "{key}");
        Ok(resolution.reason(Reason::TargetingMatch).metadata("rule", "r-1").metadata("index", 1))
    });
    let _guard = start(&fake);
    assert!(flag!(PROVIDED, &user("ada")));
    assert!(!flag!(PROVIDED, &user("bob")));
    assert!(user("ada").scope(|| flag!(PROVIDED)));
    assert_eq!(flag!(PRICING, &user("ada")), Pricing::VariantA);
    assert_eq!(flag!(SIZE), 7);
    assert!((flag!(RATIO) - 0.25).abs() < f64::EPSILON);
    assert_eq!(flag!(TITLE), "told");
    assert_eq!(flag!(LIMITS), Limits { max: 9 });
    let details = flag!(PRICING, &user("ada"), details);
    assert_eq!((details.variant.as_deref(), details.reason), (Some("the new one"), Reason::TargetingMatch));
    assert_eq!(details.flag_metadata.get("rule"), Some(&AttributeValue::String("r-1".to_owned())));
    assert_eq!(details.flag_metadata.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["index", "rule"]);
    // One that says nothing of a variant leaves that to the type.
    assert_eq!(flag!(SIZE, details).variant, None);
    let explained = flag!(PROVIDED, &user("ada"), explain).to_string();
    assert_eq!(explained, "provided = true (TARGETING_MATCH)\n  provider `fake` decided");
    assert!(!flag!(DOCUMENTED), "names no provider");
    assert_eq!(of_the_provider("fake").flags.len(), 7);
    assert_eq!(of_the_provider("fake").errors, 0);
    let shown = status().to_string();
    assert!(shown.contains("no source, provider fake (ready) for 7 flags"), "{shown}");
}

#[test]
fn an_answer_of_another_type_is_the_declared_default_and_says_so() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Ok(Resolution::new("nonsense").variant("x").reason(Reason::Static)));
    let _guard = start(&fake);
    let details = flag!(SIZE, details);
    assert_eq!((details.value, details.reason), (3, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::TypeMismatch));
    assert_eq!(details.error_message.as_deref(), Some("the value `\"nonsense\"` is not a whole number from 0 to 255"));
    assert_eq!(details.variant, None);
    assert_eq!(flag!(PRICING, details).error_code, Some(ErrorCode::TypeMismatch));
    assert_eq!(flag!(TITLE), "nonsense");
    assert_eq!(of_the_provider("fake").errors, 2);
    let last_error = of_the_provider("fake").last_error.unwrap();
    assert_eq!(last_error, "`Pricing!`: the value `\"nonsense\"` is none of \"control\", \"variant_a\"");
    // A flag of the wrong type is no reason to leave it alone.
    for _ in 0..20 {
        assert_eq!(flag!(SIZE), 3);
    }
    assert!(of_the_provider("fake").suspended.is_empty());
}

#[test]
fn forced_stands_above_override_file_above_provider_above_document_above_default() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let overrides = folder.path().join("overrides.json");
    std::fs::write(&overrides, "{}").unwrap();
    let source = MemorySource::new();
    let documents = source.writer();
    let fake = Fake::new(|_, _, _| not_found());
    let guard = builder().source(source).provider(fake.clone()).override_file(&overrides).start().unwrap();
    assert_eq!(guard.wait_ready(SOON), Ok(Readiness::Live));

    let details = flag!(PROVIDED, details);
    assert_eq!((details.value, details.reason), (false, Reason::Error));
    assert_eq!(details.error_code, Some(ErrorCode::FlagNotFound));
    assert_eq!(details.error_message.as_deref(), Some("never heard of it"));
    assert!(!status().missing.contains(&"provided") && status().missing.contains(&"documented"));

    documents.set("provided", ON);
    assert!(eventually(SOON, || flag!(PROVIDED)));
    let details = flag!(PROVIDED, details);
    assert_eq!((details.reason, details.error_code), (Reason::Static, None));
    let steps = flag!(PROVIDED, explain).to_string();
    assert!(steps.contains("provider `fake` has no value: never heard of it\n  enabled"), "{steps}");

    fake.decides(|_, _, _| Ok(Resolution::new(false).reason(Reason::Split)));
    assert_eq!(flag!(PROVIDED, details).reason, Reason::Split);
    assert!(!flag!(PROVIDED));

    std::fs::write(&overrides, r#"{"provided":{"enabled":true}}"#).unwrap();
    assert!(eventually(SOON, || flag!(PROVIDED)));
    assert_eq!(flag!(PROVIDED, details).reason, Reason::Override);
    let calls = fake.calls();
    assert!(flag!(PROVIDED));
    assert_eq!(fake.calls(), calls, "not asked");

    let _off = PROVIDED.force(false);
    assert!(!flag!(PROVIDED));
}

#[test]
fn a_provider_for_all_decides_what_names_none() {
    let _turn = turn();
    let named = Fake::new(|_, _, _| Ok(Resolution::new(false)));
    let for_all = Fake::called("everything", |key, _, _| {
        assert_eq!(key, "documented");
        Ok(Resolution::new(true))
    });
    let guard = builder().provider_for_all(for_all).provider(named).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    assert!(flag!(DOCUMENTED));
    assert!(!flag!(PROVIDED));
    assert_eq!(of_the_provider("everything").flags, ["documented"]);
    drop(guard);
    // The next start begins anew.
    let _guard = start(&Fake::new(|_, _, _| Ok(Resolution::new(true))));
    assert!(!flag!(DOCUMENTED) && flag!(PROVIDED));
}

#[test]
fn a_provider_that_panics_or_errs_gives_defaults_and_is_left_alone_after_a_while() {
    let _turn = turn();
    let fake = Fake::new(|key, _, _| match key {
        "provided" => panic!("on purpose"),
        "provided_size" => Err(ResolutionError::new(ErrorCode::General, "no database")),
        _ => Ok(Resolution::new(true)),
    });
    let (told, events): (Sender<String>, Receiver<String>) = channel();
    let told = Mutex::new(told);
    let guard = builder()
        .provider(fake.clone())
        .on_event(move |event| {
            if let Event::ProviderFailing { provider, error, .. } = event {
                told.lock().unwrap().send(format!("{provider}: {error}")).unwrap();
            }
        })
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    for _ in 0..5 {
        let details = catch_unwind(|| flag!(PROVIDED, details)).expect("a reader meets no panic");
        assert_eq!((details.value, details.reason), (false, Reason::Error));
        assert_eq!(details.error_code, Some(ErrorCode::General));
        let message = details.error_message.unwrap();
        assert_eq!(message, "provider `fake` panicked while it decided `provided`: on purpose");
        let details = flag!(SIZE, details);
        assert_eq!((details.value, details.error_message.as_deref()), (3, Some("no database")));
    }
    let calls = fake.calls();
    let deadline = Instant::now() + Duration::from_millis(500);
    while Instant::now() < deadline {
        let details = flag!(PROVIDED, details);
        assert_eq!((details.reason, details.error_code), (Reason::Error, Some(ErrorCode::General)));
    }
    assert!(fake.calls() - calls <= 1, "{} calls of a flag that is left alone", fake.calls() - calls);
    assert!(flag!(OTHER), "its own flag only");
    let status = of_the_provider("fake");
    assert_eq!(status.state, ProviderState::Ready);
    assert_eq!(status.suspended, ["provided", "provided_size"]);
    assert!(status.panics >= 5 && status.errors >= 5, "{status:?}");
    let told: Vec<String> = [events.recv_timeout(SOON).unwrap(), events.recv_timeout(SOON).unwrap()].into();
    assert!(
        told.contains(&"fake: `provided` is not asked for now: that failed again and again".to_owned()),
        "{told:?}"
    );

    // It is tried again, and then it is as if nothing had been.
    fake.decides(|_, _, _| Ok(Resolution::new(true)));
    assert!(eventually(SOON, || flag!(PROVIDED)));
    assert!((0..100).all(|_| flag!(PROVIDED)));
    assert!(!of_the_provider("fake").suspended.contains(&"provided"));
}

/// Lets threads pass once it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (is_open, opened) = &*self.0;
        drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Opens it whatever happens, so that no thread stays behind.
struct OpenOnDrop(Gate);

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_provider_that_blocks_keeps_no_reader_waiting_and_its_other_flags_are_answered() {
    let _turn = turn();
    let gate = Gate::default();
    let _open = OpenOnDrop(gate.clone());
    let hangs = Arc::new(AtomicBool::new(true));
    let fake = Fake::new({
        let (gate, hanging) = (gate.clone(), Arc::clone(&hangs));
        move |key, _, _| {
            match key {
                "provided" if hanging.load(Ordering::SeqCst) => gate.pass(),
                "provided" | "provided_other" => {}
                _ => return not_found(),
            }
            Ok(Resolution::new(true))
        }
    })
    .slow();
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let guard = builder()
        .provider(fake.clone())
        .on_event(move |event| {
            // Whoever has heard enough does not listen any more.
            let _ = tell.lock().unwrap().send(event.to_string());
        })
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    // Each of these would wait for ever.
    for number in 0..10_000 {
        let details = flag!(PROVIDED, &user(&format!("user-{number}")), details);
        assert_eq!((details.value, details.reason), (false, Reason::Error));
    }
    assert!(eventually(SOON, || told
        .try_iter()
        .any(|told| told == "provider fake: `provided` has taken longer than a second")));
    assert!(eventually(SOON, || of_the_provider("fake").suspended == ["provided"]), "{:?}", of_the_provider("fake"));
    // Threads that hang are replaced: for whomever, the flags that do not hang are there.
    assert!(eventually(SOON, || {
        let is_complete = prepare(&user("ada")).wait(SOON);
        assert!(!is_complete, "one hangs");
        flag!(OTHER, &user("ada"))
    }));
    // A flag of which questions hang for ever is tried again for others.
    hangs.store(false, Ordering::SeqCst);
    assert!(eventually(3 * SOON, || flag!(PROVIDED, &user("bob"))));
    let shown = status().to_string();
    assert!(shown.contains("failures, the last: `provided` has taken longer than a second"), "{shown}");
    let begin = Instant::now();
    drop(guard);
    assert!(begin.elapsed() < Duration::from_secs(10), "the guard waits for a second");
    assert!(!flag!(PROVIDED, &user("ada")) && flag!(OTHER, &user("ada")));
}

#[test]
fn many_who_prepare_at_once_find_their_answers() {
    let _turn = turn();
    let fake = Fake::new(|key, _, _| {
        std::thread::sleep(Duration::from_millis(1));
        match key {
            "provided" | "provided_other" => Ok(Resolution::new(true)),
            _ => not_found(),
        }
    })
    .slow();
    let _guard = start(&fake);
    let prepared: Vec<_> = (0..400).map(|number| (user(&format!("user-{number}")), number)).collect();
    let prepared: Vec<_> = prepared.into_iter().map(|(ctx, _)| (prepare(&ctx), ctx)).collect();
    for (prepared, ctx) in prepared {
        assert!(prepared.wait(SOON), "{ctx:?}");
        assert!(flag!(PROVIDED, &ctx) && flag!(OTHER, &ctx));
    }
    assert_eq!(of_the_provider("fake").late, 0);
    // A context that equals nothing is not asked for: it would be found by nobody.
    let (calls, nothing) = (fake.calls(), user("ada").attribute("age", f64::NAN));
    assert!(!prepare(&nothing).wait(SOON) && !flag!(PROVIDED, &nothing));
    assert_eq!(fake.calls(), calls);
}

#[test]
fn what_is_not_at_hand_is_prepared_kept_and_asked_again_after_a_change() {
    let _turn = turn();
    let fake = Fake::new(|_, _, ctx| Ok(Resolution::new(ctx.is_in_group("beta")).reason(Reason::Split))).slow();
    let _guard = start(&fake);
    let ctx = || user("ada").group("beta").attribute("age", 36);
    let first = flag!(PROVIDED, &ctx(), details);
    assert_eq!((first.value, first.error_code), (false, Some(ErrorCode::ProviderNotReady)));
    assert!(first.error_message.unwrap().contains("`flags_runtime::prepare` waits for that"));
    // The read has asked by itself.
    assert!(eventually(SOON, || flag!(PROVIDED, &ctx())));

    assert!(prepare(&user("bob").group("beta")).wait(SOON));
    let prepared = flag!(PROVIDED, &user("bob").group("beta"), details);
    assert_eq!((prepared.value, prepared.reason, prepared.error_code), (true, Reason::Cached, None));
    let calls = fake.calls();
    for _ in 0..100 {
        assert!(flag!(PROVIDED, &user("bob").group("beta")));
    }
    assert_eq!(fake.calls(), calls, "kept");
    assert!(prepare(&user("bob").group("beta")).wait(SOON));
    assert_eq!(fake.calls(), calls, "nothing is left to be asked");

    fake.decides(|_, _, _| Ok(Resolution::new(false)));
    fake.events().everything_changed();
    assert!(eventually(SOON, || !flag!(PROVIDED, &user("bob").group("beta"))));

    // When it fails, decisions stay as they were.
    fake.decides(|_, _, _| Err(ResolutionError::new(ErrorCode::General, "no database")));
    fake.events().everything_changed();
    let read = || flag!(PROVIDED, &user("bob").group("beta"), details);
    assert!(eventually(SOON, || {
        assert!(!read().value && read().error_code.is_none());
        of_the_provider("fake").suspended == ["provided"]
    }));
    assert_eq!(read().reason, Reason::Stale);
    assert_eq!(flag!(PROVIDED, &user("eve"), details).reason, Reason::Error, "never answered");
    fake.decides(|_, _, ctx| Ok(Resolution::new(ctx.is_in_group("beta"))));
    assert!(eventually(SOON, || read().value));

    // As a future, on any executor.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let carol = user("carol").group("beta");
    runtime.block_on(prepare(&carol));
    assert_eq!(flag!(PROVIDED, &carol, details).reason, Reason::Cached);
}

#[test]
fn a_flag_that_a_provider_answers_alike_to_everybody_is_settled_until_it_does_not() {
    let _turn = turn();
    let fake = Fake::new(|_, _, ctx| Ok(Resolution::new(ctx.targeting_key() == "ada")));
    let _guard = start(&fake);
    assert!(!PROVIDED.__core().is_settled());
    let on = || Resolution::new(true).variant("1").reason(Reason::Static).metadata("kind", "FALLTHROUGH");
    fake.settles("provided", Some(on()));
    assert!(eventually(SOON, || PROVIDED.__core().is_settled()));
    let calls = fake.calls();
    assert!(flag!(PROVIDED, &user("bob")));
    let details = flag!(PROVIDED, &user("bob"), details);
    assert_eq!((details.value, details.variant.as_deref(), details.reason), (true, Some("1"), Reason::Static));
    assert!(!details.flag_metadata.is_empty());
    assert_eq!(fake.calls(), calls, "nobody was asked");
    let steps = flag!(PROVIDED, explain).to_string();
    assert_eq!(steps, "provided = true (STATIC)\n  provider `fake` answers so to everybody");

    fake.settles("provided_title", Some(Resolution::new("for all")));
    assert!(eventually(SOON, || flag!(TITLE) == "for all"));
    fake.settles("provided_size", Some(Resolution::declared_default()));
    assert!(eventually(SOON, || SIZE.__core().is_settled()));
    assert_eq!(flag!(SIZE), 3);

    fake.settles("provided", None);
    assert!(eventually(SOON, || !PROVIDED.__core().is_settled()));
    assert!(flag!(PROVIDED, &user("ada")) && !flag!(PROVIDED, &user("bob")));
}

#[test]
fn what_everybody_is_answered_in_another_type_is_told_and_counted() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Ok(Resolution::new(true)));
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let guard = builder()
        .provider(fake.clone())
        .on_event(move |event| tell.lock().unwrap().send(event.to_string()).unwrap())
        .start()
        .unwrap();
    guard.wait_ready(SOON).unwrap();
    fake.settles("provided_size", Some(Resolution::new(300)));
    let said = "`provided_size`: the value `300` is not a whole number from 0 to 255";
    assert!(eventually(SOON, || told.try_iter().any(|told| told == format!("provider fake: {said}"))));
    assert_eq!(flag!(SIZE), 3);
    assert_eq!((of_the_provider("fake").errors, of_the_provider("fake").last_error.as_deref()), (1, Some(said)));
    let shown = status().to_string();
    assert!(shown.contains(&format!("provider fake (ready; 1 failures, the last: {said})")), "{shown}");
}

#[test]
fn configured_is_what_a_provider_answers_everybody() {
    let _turn = turn();
    let source = MemorySource::new();
    source.writer().set("provided_title", r#"{"enabled":true,"value":"of the document"}"#);
    let fake = Fake::new(|_, _, _| Ok(Resolution::new("for some")));
    let guard = builder().source(source).provider(fake.clone()).start().unwrap();
    guard.wait_ready(SOON).unwrap();
    assert!(TITLE.configured().is_none(), "it depends on who asks");
    fake.settles("provided_title", Some(Resolution::new("for all")));
    assert!(eventually(SOON, || TITLE.configured().is_some_and(|title| title == "for all")));
    fake.settles("provided_title", Some(Resolution::declared_default()));
    assert!(eventually(SOON, || TITLE.configured().is_none()));
}

#[test]
fn a_provider_that_counts_hears_of_a_settled_flag_that_is_read() {
    let _turn = turn();
    let mut fake = Fake::new(|_, _, _| Ok(Resolution::new(true)));
    Arc::get_mut(&mut fake.shared).unwrap().counts = true;
    fake.shared.settled.lock().unwrap().insert("provided".to_owned(), Resolution::new(true));
    // Whoever tracks reads makes the first one noticed, as the provider's thread does each minute.
    let guard = builder().provider(fake.clone()).track_reads().start().unwrap();
    guard.wait_ready(SOON).unwrap();
    assert_eq!(fake.calls(), 0);
    assert!((0..100).all(|_| flag!(PROVIDED)));
    assert_eq!(fake.calls(), 1);
    assert!(PROVIDED.__core().is_settled());
}

#[test]
fn a_request_gets_one_answer_whatever_the_provider_says_meanwhile() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Ok(Resolution::new(true)));
    let _guard = start(&fake);
    let request = RequestScope::new(user("ada"));
    request.scope(|| {
        assert!(flag!(PROVIDED));
        fake.decides(|_, _, _| Ok(Resolution::new(false)));
        fake.events().everything_changed();
        assert!(flag!(PROVIDED), "asked before");
        // A context that says the same is the same; another user is somebody else.
        assert!(flag!(PROVIDED, &user("ada")));
        assert!(!flag!(PROVIDED, &user("bob")));
        assert!(!flag!(OTHER), "not asked before");
        let carried = flags_runtime::context::carry(|| flag!(PROVIDED));
        assert!(std::thread::spawn(carried).join().unwrap());
        // Settled otherwise: those outside see it, this request does not.
        fake.settles("provided", Some(Resolution::new(false).reason(Reason::Static)));
        assert!(eventually(SOON, || std::thread::spawn(|| !flag!(PROVIDED)).join().unwrap()));
        assert!(flag!(PROVIDED));
        // But a kill holds at once.
        fake.settles("provided", Some(Resolution::new(false).reason(Reason::Disabled)));
        assert!(eventually(SOON, || !flag!(PROVIDED)));
    });
}

#[test]
fn a_start_tells_which_provider_is_missing_twice_there_or_for_all_twice() {
    let _turn = turn();
    let fake = || Fake::new(|_, _, _| not_found());
    let refused = |builder: flags_runtime::Builder| match builder.start() {
        Err(StartError::Configuration { setting, message, .. }) => format!("{setting}: {message}"),
        other => panic!("{other:?}"),
    };
    let missing = refused(builder());
    assert!(missing.starts_with("provider: flag `provided") && missing.contains("tests/providers.rs:"), "{missing}");
    assert!(
        missing.contains("is decided by `fake`, which was not given (none was): call `.provider(..)`"),
        "{missing}"
    );
    let missing = refused(builder().provider(Fake::called("fakes", |_, _, _| not_found())));
    assert!(missing.contains("(given: fakes)") && missing.ends_with("; did you mean `fakes`?"), "{missing}");
    assert!(refused(builder().provider(fake()).provider(fake())).contains("`fake` was given twice"));
    let both = builder().provider_for_all(fake()).provider_for_all(Fake::called("b", |_, _, _| not_found()));
    assert!(refused(both).contains("`fake` and `b` are both for all flags"));
}

struct Fails(&'static str);

impl Provider for Fails {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn resolve(&self, _: &str, _: ValueType, _: &EvaluationContext) -> Resolved {
        Ok(Resolution::new(true))
    }

    fn resolve_now(&self, key: &str, value_type: ValueType, ctx: &EvaluationContext) -> Option<Resolved> {
        Some(self.resolve(key, value_type, ctx))
    }

    fn start(&self, events: ProviderEvents) -> Result<(), ProviderError> {
        match self.0 {
            "never" => Ok(()),
            "refused" => Err(ProviderError::new("the key is refused")),
            "panics" => panic!("on purpose"),
            later => {
                events.error(later);
                Ok(())
            }
        }
    }
}

#[test]
fn a_provider_that_is_not_ready_is_waited_for_and_one_that_never_will_be_is_not() {
    let _turn = turn();
    for (what, said) in
        [("refused", "provider fake: the key is refused"), ("panics", "provider fake: its start panicked")]
    {
        let guard = builder().provider(Fails(what)).start().unwrap();
        let begin = Instant::now();
        assert_eq!(guard.wait_ready(SOON * 10).unwrap_err().to_string(), said);
        assert!(begin.elapsed() < SOON * 5);
        assert_eq!(of_the_provider("fake").state, ProviderState::Fatal);
        assert!(!status().is_live());
        let details = flag!(PROVIDED, details);
        assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::ProviderFatal)), "not asked");
        assert!(details.error_message.unwrap().starts_with("provider `fake` is not ready: "));
    }
    for (what, said) in [
        ("never", "no flags in time (provider fake: no answer yet)"),
        ("away", "no flags in time (provider fake: away)"),
    ] {
        let guard = builder().provider(Fails(what)).start().unwrap();
        let failed = || guard.wait_ready(Duration::from_millis(50)).unwrap_err().to_string();
        assert!(eventually(SOON, || failed() == said), "{}", failed());
        let details = flag!(PROVIDED, details);
        assert_eq!((details.value, details.error_code), (false, Some(ErrorCode::ProviderNotReady)), "not asked");
    }
}

#[test]
fn the_guard_stops_its_providers_and_what_they_decided_stays() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Ok(Resolution::new(true)));
    let guard = start(&fake);
    fake.settles("provided", Some(Resolution::new(true)));
    assert!(eventually(SOON, || PROVIDED.__core().is_settled()));
    drop(guard);
    assert!(fake.shared.is_stopped.load(Ordering::SeqCst));
    assert!(flag!(PROVIDED) && flag!(OTHER));
    assert_eq!(of_the_provider("fake").state, ProviderState::Stopped);
    // What is told too late changes nothing.
    fake.settles("provided", Some(Resolution::new(false)));
    assert!(flag!(PROVIDED));
}

#[test]
fn a_provider_may_read_flags_and_enter_scopes_itself() {
    let _turn = turn();
    let fake = Fake::new(|key, _, ctx| match key {
        "provided" => ctx.scope(|| Ok(Resolution::new(!flag!(OTHER)))),
        _ => Ok(Resolution::new(false)),
    });
    let _guard = start(&fake);
    RequestScope::new(user("ada")).scope(|| assert!(flag!(PROVIDED)));
    assert!(user("ada").scope(|| flag!(PROVIDED)));
}

#[test]
fn a_provider_that_reads_the_flag_that_it_decides_comes_to_an_end() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Ok(Resolution::new(!flag!(PROVIDED))));
    let _guard = start(&fake);
    // Within, the declared default is answered.
    assert!(flag!(PROVIDED));
    assert_eq!(fake.calls(), 1);
    let last_error = of_the_provider("fake").last_error.unwrap();
    assert_eq!(last_error, "`provided`: provider `fake` reads `provided` to decide it");
}

struct Errors(Arc<Mutex<Vec<String>>>);

impl Hook for Errors {
    fn error(&self, evaluation: &mut HookContext<'_>, error: &HookError) {
        self.0.lock().unwrap().push(format!("{}: {error}", evaluation.flag.name()));
    }
}

#[test]
fn hooks_are_told_of_what_a_provider_has_failed_at() {
    let _turn = turn();
    let fake = Fake::new(|_, _, _| Err(ResolutionError::new(ErrorCode::InvalidContext, "no key")));
    let _guard = start(&fake);
    let told = Arc::default();
    let _hook = hooks::add(Errors(Arc::clone(&told)));
    let read = catch_unwind(AssertUnwindSafe(|| flag!(PROVIDED, details))).unwrap();
    assert_eq!(read.error_code, Some(ErrorCode::InvalidContext));
    assert_eq!(*told.lock().unwrap(), ["provided: INVALID_CONTEXT: no key"]);
}
