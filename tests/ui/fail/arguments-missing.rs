//! A declaration without arguments: each missing one is named, and the flag can still be read.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
