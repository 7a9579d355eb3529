//! A crate that forbids what an expired flag would say: a live one says nothing and allows nothing.
#![forbid(deprecated, unsafe_code)]

use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "live", default = true, expires = "2099-01-01")]
static LIVE: Flag<bool>;

#[feature_flag(LIVE, off = old)]
fn new() -> u8 {
    2
}

fn old() -> u8 {
    1
}

fn main() {
    assert!(flag!(LIVE));
    assert_eq!((new(), old()), (2, 1));
}
