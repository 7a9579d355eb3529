//! A date in another form.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "1.3.2099")]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
