//! An opaque future that is more than one block.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(number: u8) -> impl Future<Output = u8> {
    let next = number + 1;
    async move { next }
}

async fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    let _ = search(1);
}
