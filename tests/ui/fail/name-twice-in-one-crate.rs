//! Two flags of one name: rustc names both places.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
pub static NEW_CHECKOUT: Flag<bool>;

mod inner {
    use flags_runtime::{Flag, feature_flag};

    #[feature_flag(name = "new_checkout", default = true, expires = "2099-03-01", key = "another")]
    pub static OTHER: Flag<bool>;
}

fn main() {
    let _ = flag!(NEW_CHECKOUT) && flag!(inner::OTHER);
}
