//! A misspelt case.
use flags_runtime::{Flag, FlagValue, feature_flag, flag};

#[derive(FlagValue)]
#[flag_value(rename_all = "snakecase")]
enum Pricing {
    Control,
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {
    let _ = flag!(PRICING);
}
