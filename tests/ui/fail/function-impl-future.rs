//! An opaque future that is to be `Unpin`.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy)]
fn search(number: u8) -> impl Future<Output = u8> + Unpin {
    let next = number + 1;
    Box::pin(async move { next })
}

fn legacy(number: u8) -> impl Future<Output = u8> + Unpin {
    std::future::ready(number)
}

fn main() {
    let _ = search(1);
}
