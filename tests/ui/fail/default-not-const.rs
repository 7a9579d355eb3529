//! A default that is no constant.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "limits", default = Limits::usual(), expires = "2099-03-01")]
pub static LIMITS: Flag<u8>;

struct Limits;

impl Limits {
    fn usual() -> u8 {
        1
    }
}

fn main() {
    let _ = flag!(LIMITS);
}
