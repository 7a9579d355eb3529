//! An opaque type inside of another, behind a future.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
async fn search(number: u8) -> Option<impl Iterator<Item = u8>> {
    Some(0..number)
}

async fn legacy(number: u8) -> Option<impl Iterator<Item = u8>> {
    Some(std::iter::once(number))
}

fn main() {
    let _ = search(1);
}
