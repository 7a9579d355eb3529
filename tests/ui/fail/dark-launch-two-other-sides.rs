use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[feature_flag(NEW_SEARCH, off = legacy, shadow = legacy)]
fn search() -> u32 {
    1
}

fn legacy() -> u32 {
    1
}

fn main() {}
