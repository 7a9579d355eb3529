//! The other side without the word in front: one error, no other for what it was to say.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, legacy)]
fn new() -> u8 {
    1
}

#[feature_flag("FLAG", off = legacy)]
fn newer() -> u8 {
    1
}

fn legacy() -> u8 {
    2
}

fn main() {
    legacy();
    new();
    newer();
}
