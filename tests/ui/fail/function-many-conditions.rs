//! More conditional parameters than there can be calls for.
#![allow(unexpected_cfgs)]

use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(#[cfg(a)] a: u8, #[cfg(b)] b: u8, #[cfg(c)] c: u8, #[cfg(d)] d: u8, #[cfg(e)] e: u8, number: u8) -> u8 {
    number
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
