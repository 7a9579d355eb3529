//! The date of a flag is its last good day: this repository's builds are of 2026-11-01.
#![deny(warnings)]
#![forbid(unsafe_code)]

use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "last_day", default = true, expires = "2026-11-01")]
static LAST_DAY: Flag<bool>;

fn main() {
    assert!(flag!(LAST_DAY));
}
