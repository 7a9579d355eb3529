//! The misspelt path of the other side: rustc names the right one.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legcy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
