use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Broken;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search() -> Result<u32, Broken> {
    Err(Broken)
}

fn legacy() -> Result<u32, Broken> {
    Err(Broken)
}

fn main() {}
