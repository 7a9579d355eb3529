//! A gate declares a bool.
use flags_runtime::feature_flag;

#[feature_flag(name = "search", default = 1, expires = "2099-03-01", off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
