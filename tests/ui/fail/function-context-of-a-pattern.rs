//! A context from a pattern, which stands behind the gate.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

#[feature_flag(FLAG, off = legacy, context = user.clone())]
fn search((user, number): (flags_runtime::EvaluationContext, u8)) -> u8 {
    drop(user);
    number
}

fn legacy(both: (flags_runtime::EvaluationContext, u8)) -> u8 {
    both.1
}

fn main() {
    let _ = search((flags_runtime::EvaluationContext::new("user-42"), 1));
}
