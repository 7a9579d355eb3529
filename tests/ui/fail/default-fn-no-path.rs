//! A default function that is no path.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default_fn = || false, expires = "2099-03-01")]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
