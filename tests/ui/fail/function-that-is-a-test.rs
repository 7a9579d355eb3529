//! A gated test passes without running.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG)]
#[test]
fn new() {
    panic!("it is not new at all");
}

fn main() {}
