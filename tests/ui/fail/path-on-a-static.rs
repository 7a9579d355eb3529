//! The path of another flag on a static.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(OTHER, name = "new_checkout", default = false, expires = "2099-03-01")]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
