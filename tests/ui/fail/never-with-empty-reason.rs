//! A flag that never expires, for no reason.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = never(""))]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
