//! The shop's flags: each declared once, with its owner and its last day.

use flags_runtime::{Flag, FlagValue, feature_flag};

/// Checkout in two steps instead of four.
#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "checkout", public)]
pub(crate) static NEW_CHECKOUT: Flag<bool>;

/// What a shoe costs: an A/B test.
#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
pub(crate) enum Pricing {
    /// as ever
    Control,
    /// a tenth less
    VariantA,
    /// a tenth less, and rounded to whole numbers
    VariantB,
}

/// Which prices somebody is shown.
#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01", owner = "growth", kind = experiment, public)]
pub(crate) static PRICING: Flag<Pricing>;

/// What stands above the products.
#[feature_flag(name = "banner", default = "Welcome", expires = never("a text of the marketing team"), owner = "growth", kind = ops, public)]
pub(crate) static BANNER: Flag<String>;

/// The most pairs in one order; of no concern to anybody outside.
#[feature_flag(name = "order_limit", default = 20, expires = never("an operator's dial"), owner = "orders", kind = ops)]
pub(crate) static ORDER_LIMIT: Flag<u32>;
