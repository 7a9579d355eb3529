//! One flag, by a provider of OpenFeature's.

use flags_runtime::provider::openfeature::FromOpenFeature;
use flags_runtime::{Flag, builder, feature_flag, flag};
use open_feature::provider::NoOpProvider;

#[feature_flag(name = "new_checkout", default = false, expires = "2099-01-01", provider = "noop")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _guard = builder().provider(FromOpenFeature::new("noop", NoOpProvider::default())).start().unwrap();
    println!("hello {}", flag!(NEW_CHECKOUT));
}
