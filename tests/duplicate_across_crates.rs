//! One name in two crates. Alone in its file: with a duplicate in it, this binary can never start.

use flags_runtime::{Flag, StartError, builder, feature_flag, flag, registry};

#[feature_flag(name = "declared_twice", default = true, expires = "2099-01-01")]
static DECLARED_TWICE: Flag<bool>;

#[feature_flag(name = "keyed", key = "declared_twice", default = true, expires = "2099-01-01")]
static KEYED: Flag<bool>;

#[test]
fn duplicate_name_reports_both_places_at_start() {
    assert!(!other_crate::read());
    assert!(flag!(DECLARED_TWICE), "each answers its own default meanwhile");
    let error = builder().start().unwrap_err();
    assert!(matches!(error, StartError::Duplicates(_)));
    let said = error.to_string();
    for part in [
        "the flag `declared_twice` is declared twice",
        "duplicate_across_crates.rs:6:8 (package flags-workspace-tests 0.0.0)",
        "other-crate/src/lib.rs:10:12 (package other-crate 0.0.0)",
        "the key `declared_twice` is declared twice",
    ] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    assert_eq!(registry().flags().len(), 3, "the registry can be read all the same");
}
