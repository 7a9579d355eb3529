//! An opaque return type whose trait two sides cannot keep.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(number: u8) -> impl Fn() -> u8 {
    move || number + 1
}

fn legacy(number: u8) -> impl Fn() -> u8 {
    move || number
}

fn main() {
    let _ = search(1);
}
