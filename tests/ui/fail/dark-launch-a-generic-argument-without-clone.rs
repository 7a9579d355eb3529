use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search<T: PartialEq>(one: T, other: T) -> bool {
    one == other
}

fn legacy<T: PartialEq>(one: T, other: T) -> bool {
    one == other
}

fn main() {}
