use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Hits(Vec<String>);

#[feature_flag(NEW_SEARCH, shadow = legacy)]
async fn search(query: &str) -> Result<Hits, String> {
    Ok(Hits(vec![query.to_owned()]))
}

async fn legacy(query: &str) -> Result<Hits, String> {
    Ok(Hits(vec![query.to_owned()]))
}

fn main() {}
