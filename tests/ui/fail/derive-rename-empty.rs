//! An empty text.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
enum Pricing {
    #[flag_value(rename = "")]
    Control,
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
