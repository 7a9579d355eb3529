use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Index;

impl Index {
    #[feature_flag(NEW_SEARCH, shadow = Self::legacy, run = detached)]
    fn search(&self, query: &str, limit: usize) -> Option<&'static str> {
        let _ = (query, limit);
        None
    }

    fn legacy(&self, query: &str, limit: usize) -> Option<&'static str> {
        let _ = (query, limit);
        None
    }

    #[feature_flag(NEW_SEARCH, shadow = Self::legacy_first, run = detached)]
    fn first(items: Vec<&'static str>) -> Option<&str> {
        items.first().copied()
    }

    fn legacy_first(items: Vec<&'static str>) -> Option<&str> {
        items.first().copied()
    }
}

fn main() {}
