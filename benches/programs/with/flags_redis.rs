//! One flag, from Redis, by a URL that names how to get there.

use flags_runtime::source::redis::RedisSource;
use flags_runtime::{Flag, builder, feature_flag, flag};

#[feature_flag(name = "new_checkout", default = false, expires = "2099-01-01")]
static NEW_CHECKOUT: Flag<bool>;

fn main() {
    let url = std::env::args().nth(1).unwrap();
    let _guard = builder().source(RedisSource::new(&url).unwrap()).start().unwrap();
    println!("hello {}", flag!(NEW_CHECKOUT));
}
