//! The other side of a function that never returns does return.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn new() -> ! {
    std::process::exit(1)
}

fn legacy() {}

fn main() {
    legacy();
    new();
}
