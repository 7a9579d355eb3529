use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

use std::future::Future;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search(limit: u32) -> impl Future<Output = u32> {
    let limit = limit + 1;
    async move { limit }
}

fn legacy(limit: u32) -> impl Future<Output = u32> {
    async move { limit }
}

fn main() {}
