//! A matrix that leaves out a variant, and one that names none of the enum.
#![allow(unused_imports, dead_code)]

use flags_runtime::{Flag, FlagValue, feature_flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;

#[flags_runtime::test(matrix(PRICING = [Control]))]
fn forgets() {}

#[flags_runtime::test(matrix(PRICING = [Control, Variant, ..]))]
fn misspells() {}

fn main() {}
