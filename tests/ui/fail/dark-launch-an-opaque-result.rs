use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search(limit: u32) -> impl Iterator<Item = u32> {
    0..limit
}

fn legacy(limit: u32) -> impl Iterator<Item = u32> {
    0..limit
}

fn main() {}
