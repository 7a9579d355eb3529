//! A function without a body.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

pub trait Shop {
    #[feature_flag(FLAG, off = Self::legacy)]
    fn search(&self) -> u8;
}

fn main() {}
