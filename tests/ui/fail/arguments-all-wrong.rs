//! All errors at once.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(
    name = "New Checkout",
    key = "",
    default = false,
    default = true,
    expires = "2025-02-30",
    ownr = "payments",
    kind = temporary,
    shadow = old
)]
pub static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _ = flag!(NEW_CHECKOUT);
}
