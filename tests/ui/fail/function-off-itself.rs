//! Another side that is the gated function.
use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "flag", default = false, expires = "2099-03-01")]
static FLAG: Flag<bool>;

struct Shop;

impl Shop {
    #[feature_flag(FLAG, off = Self::search)]
    fn search(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = Shop.search();
}
