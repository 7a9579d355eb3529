//! A gated function that names no flag.
use flags_runtime::feature_flag;

#[feature_flag(off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
