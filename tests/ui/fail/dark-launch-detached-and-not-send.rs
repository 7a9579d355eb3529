use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

use std::rc::Rc;

#[feature_flag(NEW_SEARCH, shadow = legacy, run = detached)]
fn search(query: Rc<str>) -> usize {
    query.len()
}

fn legacy(query: Rc<str>) -> usize {
    query.len()
}

fn main() {}
