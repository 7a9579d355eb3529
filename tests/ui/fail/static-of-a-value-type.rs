//! A static of a value's type where a flag's belongs.

use flags_runtime::{feature_flag, flag};

#[feature_flag(name = "plain", default = false, expires = "2099-01-01")]
static PLAIN: bool;

fn main() {
    assert!(!flag!(PLAIN));
}
