use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

use flags_runtime::dark_launch::Stage;

#[feature_flag(name = "staged", default = Stage::Off, expires = "2099-01-01")]
static STAGED: Flag<Stage>;

#[feature_flag(STAGED, shadow = legacy)]
fn search() -> u32 {
    1
}

#[feature_flag(NEW_SEARCH, stages = legacy)]
fn find() -> u32 {
    1
}

#[feature_flag(name = "declared", default = false, expires = "2099-01-01", stages = legacy)]
fn declared() -> u32 {
    1
}

fn legacy() -> u32 {
    1
}

fn main() {}
