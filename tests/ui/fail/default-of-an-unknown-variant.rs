//! A misspelt variant: rustc names the right one.
use flags_runtime::{Flag, FlagValue, feature_flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
pub enum Pricing {
    Control,
    VariantA,
}

#[feature_flag(name = "pricing", default = Pricing::Contrl, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {}
