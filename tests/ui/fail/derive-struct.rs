//! The derive on a struct.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
struct Pricing {
    percent: u8,
}

#[feature_flag(name = "pricing", default = Pricing { percent: 10 }, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
