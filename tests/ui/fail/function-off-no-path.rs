//! Another side that is no path.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = |number| number)]
fn search(number: u8) -> u8 {
    number + 1
}

fn main() {
    let _ = search(1);
}
