//! An expired flag: one warning at its date and one at each use, here denied.
#![deny(deprecated)]

use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2026-10-31", owner = "payments")]
pub static NEW_CHECKOUT: Flag<bool>;

#[feature_flag(NEW_CHECKOUT)]
fn gated() {}

#[feature_flag(name = "declared", default = false, expires = "2026-10-31")]
fn declaring() {}

fn main() {
    if flag!(NEW_CHECKOUT) {
        gated();
        declaring();
    }
}
