use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "new_search", default = false, expires = "2099-01-01")]
static NEW_SEARCH: Flag<bool>;

struct Ticket;

#[feature_flag(NEW_SEARCH, shadow = legacy)]
fn search(_query: &str, _ticket: Ticket) -> u32 {
    1
}

fn legacy(_query: &str, _ticket: Ticket) -> u32 {
    1
}

fn main() {}
