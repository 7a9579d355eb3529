//! A gate needs a bool.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(LIMIT, off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

#[feature_flag(name = "limit", default = 1, expires = "2099-03-01")]
static LIMIT: Flag<u8>;

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
