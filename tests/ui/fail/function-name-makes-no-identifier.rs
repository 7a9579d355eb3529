//! A flag name that makes no name of a static.
use flags_runtime::feature_flag;

#[feature_flag(name = "2fa", default = false, expires = "2099-03-01", off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
