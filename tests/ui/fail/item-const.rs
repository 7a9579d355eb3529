//! A const instead of a static.
use flags_runtime::feature_flag;

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
pub const NEW_CHECKOUT: bool = false;

fn main() {
    let _ = NEW_CHECKOUT;
}
