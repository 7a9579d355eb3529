use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Hits(Vec<String>);

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search(query: &str) -> Hits {
    Hits(vec![query.to_owned()])
}

fn legacy(query: &str) -> Hits {
    Hits(vec![query.to_owned()])
}

fn main() {}
