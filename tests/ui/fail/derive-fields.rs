//! Variants with fields.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
enum Pricing {
    Control,
    Percent(u8),
    Fixed { cents: u32 },
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
