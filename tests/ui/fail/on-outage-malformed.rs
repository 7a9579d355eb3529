//! What is answered while the source is away: every wrong way to say it.
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "a", default = false, expires = "2099-03-01", on_outage = default)]
pub static A: Flag<bool>;

#[feature_flag(name = "b", default = false, expires = "2099-03-01", on_outage = default(after = "5"))]
pub static B: Flag<bool>;

#[feature_flag(name = "c", default = false, expires = "2099-03-01", on_outage = default(before = "5m"))]
pub static C: Flag<bool>;

#[feature_flag(name = "d", default = false, expires = "2099-03-01", on_outage = "last_known")]
pub static D: Flag<bool>;

#[feature_flag(name = "e", default = false, expires = "2099-03-01", on_outage = default(after = "0s"))]
pub static E: Flag<bool>;

fn main() {
    let _ = (flag!(A), flag!(B), flag!(C), flag!(D), flag!(E));
}
