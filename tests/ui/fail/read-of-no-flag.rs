//! Something else than a flag: one error for each (rustc meets the path twice, and cargo tells the same once).
use flags_runtime::flag;

const LIMIT: u8 = 1;

fn limit() -> u8 {
    LIMIT
}

fn main() {
    flag!(LIMIT);
    flag!(limit);
}
