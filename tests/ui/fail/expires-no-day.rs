//! A day that does not exist.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-02-29")]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
