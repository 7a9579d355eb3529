//! A function that does not make a default.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "limit", default_fn = usual, expires = "2099-03-01")]
pub static LIMIT: Flag<u8>;

fn usual() -> u16 {
    1
}

fn main() {
    let _ = flag!(LIMIT);
}
