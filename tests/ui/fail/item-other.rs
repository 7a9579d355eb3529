//! An item that is no flag.
use flags_runtime::feature_flag;

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
pub struct NewCheckout;

fn main() {
    let _ = NewCheckout;
}
