//! Types that no flag can have, and the ones that were meant.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "banner", default = "Welcome", expires = "2099-03-01")]
static BANNER: Flag<&str>;

#[feature_flag(name = "limits", default = Vec::new(), expires = "2099-03-01")]
static LIMITS: Flag<Vec<u8>>;

#[feature_flag(name = "budget", default = 1, expires = "2099-03-01")]
static BUDGET: Flag<u128>;

#[feature_flag(name = "maybe", default = None, expires = "2099-03-01")]
static MAYBE: Option<u8>;

fn main() {
    let _: &str = &flag!(BANNER);
    let _: &[u8] = &flag!(LIMITS);
    let _: u64 = flag!(BUDGET);
    let _ = flag!(MAYBE);
}
