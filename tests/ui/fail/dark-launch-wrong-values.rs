use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[feature_flag(NEW_SEARCH, shadow = legacy, sample = 101, noise = "1", timeout = 250, order = random, max_in_flight = 0)]
fn search() -> u32 {
    1
}

#[feature_flag(NEW_SEARCH, shadow = legacy, run = background, timeout = "1h", own = x)]
fn find(x: u32) -> u32 {
    x
}

#[feature_flag(NEW_SEARCH, shadow = legacy, run = detached, order = shuffled, own(y = 1), keep = same, compare_errors = same)]
fn seek(x: u32) -> u32 {
    x
}

fn legacy() -> u32 {
    1
}

fn main() {}
