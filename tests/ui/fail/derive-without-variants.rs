//! An enum without variants.
use flags_runtime::{Flag, FlagValue, feature_flag};

#[derive(FlagValue)]
enum Pricing {}

fn make() -> Pricing {
    loop {}
}

#[feature_flag(name = "pricing", default_fn = make, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

fn main() {}
