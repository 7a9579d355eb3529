//! A generic enum.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
enum Pricing<T = u8> {
    Control,
    Other(T),
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
