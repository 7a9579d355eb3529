//! Two variants with one text.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
enum Pricing {
    Control,
    #[flag_value(rename = "control")]
    VariantA,
    #[flag_value(alias = "control")]
    VariantB,
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
