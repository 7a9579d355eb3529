use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

use flags_runtime::dark_launch;

#[feature_flag(name = "retries", default = 3, expires = "2099-01-01")]
static RETRIES: Flag<u32>;

#[feature_flag(RETRIES, shadow = legacy)]
fn search() -> u32 {
    dark_launch!(RETRIES, control => 1, candidate => || 1)
}

fn legacy() -> u32 {
    1
}

fn main() {}
