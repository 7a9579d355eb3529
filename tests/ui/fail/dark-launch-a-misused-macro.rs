use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

use flags_runtime::dark_launch;

fn search() -> u32 {
    let _ = dark_launch!(NEW_SEARCH, candidate => || 1);
    let _ = dark_launch!(NEW_SEARCH, control => 1, kandidate => || 1);
    let _ = dark_launch!(NEW_SEARCH);
    dark_launch!(NEW_SEARCH, control => 1, candidate => || 1, sampel => 10.0)
}

fn main() {}
