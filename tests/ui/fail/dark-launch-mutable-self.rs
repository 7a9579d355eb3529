use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Index(Vec<String>);

impl Index {
    #[feature_flag(NEW_SEARCH, shadow = Self::legacy)]
    fn add(&mut self, word: String) {
        self.0.push(word);
    }

    fn legacy(&mut self, word: String) {
        self.0.push(word);
    }
}

fn main() {}
