//! A static without a type.
use flags_runtime::{feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
pub static NEW_CHECKOUT;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
