//! A misspelt argument is one mistake, not a missing one too.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(nmae = "a", defualt = false, expirs = "2099-03-01")]
static A: Flag<bool>;

#[feature_flag("b", default = false, expires = "2099-03-01")]
static B: Flag<bool>;

#[feature_flag(name = "c", default = false, expires = "never")]
static C: Flag<bool>;

fn main() {}
