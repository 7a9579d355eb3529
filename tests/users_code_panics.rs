//! What a user's code does wrong concerns its own flag only. Alone in its file: one of its flags panics when it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flags_runtime::source::MemorySource;
use flags_runtime::{Event, Flag, Json, SourceState, builder, feature_flag, flag, status};
use flags_workspace_tests::eventually;
use serde::{Deserialize, Deserializer};

#[derive(Debug)]
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a user's deserialize panics on purpose")
    }
}

fn panics() -> u8 {
    panic!("a user's default_fn panics on purpose")
}

#[feature_flag(name = "a_panicking_default", default_fn = panics, expires = "2099-01-01")]
static PANICKING_DEFAULT: Flag<u8>;
#[feature_flag(name = "an_explosive_value", default = Explosive, expires = "2099-01-01")]
static EXPLOSIVE: Flag<Json<Explosive>>;
#[feature_flag(name = "innocent", default = false, expires = "2099-01-01")]
static INNOCENT: Flag<bool>;

#[test]
fn a_panic_in_users_code_touches_no_other_flag() {
    let source = MemorySource::new();
    let writer = source.writer();
    writer.set("a_panicking_default", r#"{"enabled":false}"#);
    writer.set("an_explosive_value", r#"{"enabled":true,"value":1}"#);
    writer.set("innocent", r#"{"enabled":true}"#);
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let listener = move |_: &Event| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("a user's listener panics on purpose");
    };
    let guard = builder().source(source).track_reads().on_event(listener).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();
    assert!(flag!(INNOCENT));
    let _default: &Explosive = &flag!(EXPLOSIVE);
    let refused = &guard.status().refused[0];
    assert!(refused.flag == "an_explosive_value" && refused.error.to_string().contains("panicked"), "{refused:?}");
    assert!(std::panic::catch_unwind(|| flag!(PANICKING_DEFAULT)).is_err(), "its own flag says what is wrong");

    writer.set("a_panicking_default", r#"{"enabled":true,"value":7}"#);
    writer.set("innocent", r#"{"enabled":false}"#);
    assert!(eventually(Duration::from_secs(5), || !flag!(INNOCENT) && PANICKING_DEFAULT.configured() == Some(7)));
    assert_eq!(flag!(PANICKING_DEFAULT), 7);
    let source = status().source.unwrap();
    assert_eq!((source.state, source.restarts), (SourceState::Live, 0), "the thread lived through all of it");
    assert!(told.load(Ordering::Relaxed) >= 3, "the listener was called again after it had panicked");
}
