use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

#[derive(PartialEq)]
struct Hits(Vec<String>);

#[feature_flag(NEW_SEARCH, shadow = legacy, run = detached)]
fn search(query: String) -> Hits {
    Hits(vec![query])
}

fn legacy(query: String) -> Hits {
    Hits(vec![query])
}

fn main() {}
