//! A bare word that needs a value.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires)]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
