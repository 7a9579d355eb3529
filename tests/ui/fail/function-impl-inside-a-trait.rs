//! An `impl` inside of one that could be joined.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn new(n: u8) -> impl Iterator<Item = impl std::fmt::Display> {
    0..n
}

fn legacy(n: u8) -> impl Iterator<Item = impl std::fmt::Display> {
    n..9
}

fn main() {
    drop((new(1), legacy(1)));
}
