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

#[feature_flag(FLAG, off = old_future)]
fn future(n: u8) -> impl Future<Output = impl std::fmt::Display> {
    async move { n }
}

async fn old_future(n: u8) -> u8 {
    n
}

fn main() {
    drop((future(1), old_future(1)));
    drop((new(1), legacy(1)));
}
