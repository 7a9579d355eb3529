//! The attribute below the one that makes the test, on an async function without one, and without a flag.

use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "cart", default = false, expires = "2099-01-01")]
static CART: Flag<bool>;

#[tokio::test]
#[flags_runtime::test(CART = true)]
async fn below() {}

#[flags_runtime::test(CART = true)]
async fn without_runtime() {}

#[flags_runtime::test]
fn forces_nothing() {}

fn main() {
    let _ = &CART;
}
