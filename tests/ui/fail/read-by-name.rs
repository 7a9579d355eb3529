//! A flag by its name, which the compiler could not check.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    assert!(!flag!(NEW_CHECKOUT));
    let _: bool = flag!("new_checkout");
}
