//! Enums as flag types: cases, renames, aliases, one variant, discriminants, raw identifiers.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use flags_runtime::{Flag, FlagValue, feature_flag, flag, registry};

/// All arguments.
#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
#[flag_value(rename_all = "kebab-case")]
#[flag_value(crate = flags_runtime)]
#[non_exhaustive]
pub enum Pricing {
    /// `control`
    Control = 3,
    /// `variant-a`
    VariantA,
    /// `b`
    #[flag_value(rename = "b", alias = "old-b", alias = "B")]
    VariantB,
}

#[derive(FlagValue)]
#[flag_value(rename_all = "camelCase")]
enum One {
    r#OnlyOne,
}

#[feature_flag(name = "pricing", default = Pricing::VariantB, expires = "2099-03-01")]
static PRICING: Flag<Pricing>;

#[feature_flag(name = "one", default = One::OnlyOne, expires = "2099-03-01")]
static ONE: Flag<One>;

fn main() {
    #[derive(FlagValue)]
    enum Local {
        Here,
        #[cfg(any())]
        Nowhere(u8),
    }
    #[feature_flag(name = "local", default = Local::Here, expires = "2099-03-01")]
    static LOCAL: Flag<Local>;

    let variants = |name| registry().get(name).map(|flag| flag.declaration().variants()).unwrap_or_default();
    assert_eq!(variants("pricing"), ["control", "variant-a", "b"]);
    assert_eq!(variants("one"), ["onlyOne"]);
    assert_eq!(variants("local"), ["here"]);
    assert_eq!(flag!(PRICING), Pricing::VariantB);
    match (flag!(ONE), flag!(LOCAL)) {
        (One::OnlyOne, Local::Here) => {}
    }
}
