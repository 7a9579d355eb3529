//! A flag whose use is allowed to be old: `allow` on the static and at the use is all it takes.
#![deny(warnings)]
#![forbid(unsafe_code)]

use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "old", default = true, expires = "2025-03-01")]
#[allow(deprecated)]
static OLD: Flag<bool>;

#[feature_flag(name = "old_function", default = true, expires = "2025-03-01", off = legacy)]
#[allow(deprecated)]
fn function() -> u8 {
    1
}

fn legacy() -> u8 {
    2
}

#[allow(deprecated)]
fn main() {
    // Expiry changes no answer.
    assert!(flag!(OLD));
    assert_eq!((function(), legacy()), (1, 2));
}
