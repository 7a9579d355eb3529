//! Expired flags at run time: the report at start, and the test that fails by the calendar.
//!
//! Alone in its file: the flags of a test binary are those of the whole process.
#![allow(deprecated, reason = "the subject")]

use std::sync::Mutex;

use flags_runtime::{Event, Flag, builder, feature_flag, flag};

#[feature_flag(name = "long_gone", default = true, expires = "2020-02-29", owner = "payments")]
static LONG_GONE: Flag<bool>;

#[feature_flag(name = "in_force", default = true, expires = "2099-01-01")]
static IN_FORCE: Flag<bool>;

#[feature_flag(name = "for_ever", default = true, expires = never("a test"))]
static FOR_EVER: Flag<bool>;

#[test]
fn start_names_the_flags_that_have_expired_and_they_answer_as_before() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let guard = builder()
        .on_event(|event| {
            if let Event::Expired { flags, .. } = event {
                assert!(event.is_trouble());
                assert_eq!(flags.iter().map(|flag| flag.name()).collect::<Vec<_>>(), ["long_gone"]);
                HEARD.lock().unwrap().push(event.to_string());
            }
        })
        .start()
        .unwrap();
    drop(guard);
    assert_eq!(*HEARD.lock().unwrap(), ["expired flags, which answer as before: long_gone (on 2020-02-29, payments)"]);
    assert!(flag!(LONG_GONE) && flag!(IN_FORCE) && flag!(FOR_EVER));
}

#[test]
fn the_assertion_names_them_too() {
    let said = std::panic::catch_unwind(flags_runtime::testing::assert_none_expired).unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.starts_with("1 feature flag has expired: "), "{said}");
    assert!(
        said.contains("`long_gone` on 2020-02-29 (owner: payments), declared at tests/expired_flags.rs:11:8"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}
