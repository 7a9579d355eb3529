//! A parameter of the name that `off` has.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn new(legacy: u8) -> u8 {
    legacy
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    legacy(new(1));
}
