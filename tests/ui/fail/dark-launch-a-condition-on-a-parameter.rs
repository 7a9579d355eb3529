use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search(#[cfg(unix)] limit: u32) -> u32 {
    limit
}

fn legacy(#[cfg(unix)] limit: u32) -> u32 {
    limit
}

fn main() {}
