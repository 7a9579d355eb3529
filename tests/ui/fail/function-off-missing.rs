//! A function that returns something, and nobody who does when the flag is off.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG)]
fn search(number: u8) -> u8 {
    number + 1
}

fn main() {
    let _ = search(1);
}
