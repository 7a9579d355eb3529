//! One flag, from memory.

use flags_runtime::source::MemorySource;
use flags_runtime::{Flag, builder, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-01-01")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let _guard = builder().source(MemorySource::new()).start().unwrap();
    println!("hello {}", flag!(NEW_CHECKOUT));
}
