//! What clients outside are told has to be written as JSON.

use flags_runtime::{Flag, Json, feature_flag};

#[derive(serde::Deserialize)]
struct Limits {
    max_items: u32,
}

#[feature_flag(name = "limits", default = Limits { max_items: 5 }, expires = "2099-03-01", public)]
static LIMITS: Flag<Json<Limits>>;

/// Stays in the process, and need not be written.
#[feature_flag(name = "inner_limits", default = Limits { max_items: 5 }, expires = "2099-03-01")]
static INNER_LIMITS: Flag<Json<Limits>>;

fn main() {
    let _ = (LIMITS.get().max_items, INNER_LIMITS.get().max_items);
}
