//! Providers whose names are none.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", provider = LaunchDarkly)]
pub static NEW_CHECKOUT: Flag<bool>;

#[feature_flag(name = "new_cart", default = false, expires = "2099-03-01", provider = open::feature)]
pub static NEW_CART: Flag<bool>;

fn main() {
    let _ = (flag!(NEW_CHECKOUT), flag!(NEW_CART));
}
