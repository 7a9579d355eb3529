//! Another side that returns another type.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u16 {
    number.into()
}

fn main() {
    let _ = search(1);
}
