//! One flag, by LaunchDarkly, through this library.

use flags_runtime::provider::launchdarkly::LaunchDarkly;
use flags_runtime::{Flag, builder, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-01-01", provider = launchdarkly)]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _guard = builder().provider(LaunchDarkly::from_env().unwrap()).start().unwrap();
    println!("hello {}", flag!(NEW_CHECKOUT));
}
