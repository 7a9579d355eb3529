//! A flag is read at run time.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
static NEW_CHECKOUT: Flag<bool>;

const IS_NEW: bool = flag!(NEW_CHECKOUT);

fn main() {
    assert!(IS_NEW);
}
