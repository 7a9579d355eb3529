//! A mistake in a declaring function: its flag is still there.
use flags_runtime::{feature_flag, flag};

#[feature_flag(name = "search", default = false, expires = "soon", off = legacy)]
fn search(number: u8) -> u8 {
    number + 1
}

fn legacy(number: u8) -> u8 {
    number
}

fn main() {
    if flag!(SEARCH) {
        let _ = search(1);
    }
}
