//! An opaque return type.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(number: u8) -> impl Iterator<Item = u8> {
    0..number
}

fn legacy(number: u8) -> impl Iterator<Item = u8> {
    std::iter::once(number)
}

fn main() {
    let _ = search(1);
}
