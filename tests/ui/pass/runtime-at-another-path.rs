//! `crate = path`: a crate that re-exports the runtime, for users who depend on that crate alone.
#![deny(warnings)]
#![forbid(unsafe_code)]

mod platform {
    pub(crate) use flags_runtime as flags;
}

use platform::flags::{Flag, FlagValue, feature_flag, flag};

#[derive(Debug, PartialEq, FlagValue)]
#[flag_value(crate = crate::platform::flags)]
enum Pricing {
    Control,
}

#[feature_flag(name = "pricing", default = Pricing::Control, expires = "2099-03-01", crate = platform::flags)]
static PRICING: Flag<Pricing>;

#[feature_flag(name = "gate", default = false, expires = "2099-03-01", off = old, crate = platform::flags)]
fn new() -> u8 {
    1
}

#[feature_flag(GATE, off = old, crate = platform::flags)]
fn newer() -> u8 {
    1
}

fn old() -> u8 {
    2
}

fn main() {
    assert_eq!(flag!(PRICING), Pricing::Control);
    assert_eq!((new(), newer()), (2, 2));
}
