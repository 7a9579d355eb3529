//! A third word that means nothing.
use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let ctx = EvaluationContext::new("user-42");
    let _ = flag!(NEW_CHECKOUT, &ctx, detials);
}
