//! A value that is half an expression.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy!)]
fn new() -> u8 {
    1
}

fn main() {
    new();
}
