//! A gated function that declares a flag and names one.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, name = "search", default = false, expires = "2099-03-01", off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
