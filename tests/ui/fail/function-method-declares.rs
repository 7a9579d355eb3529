//! A method that declares a flag.
use flags_runtime::feature_flag;

struct Shop;

impl Shop {
    #[feature_flag(name = "search", default = false, expires = "2099-03-01", off = Self::legacy)]
    fn search(&self) -> u8 {
        1
    }

    fn legacy(&self) -> u8 {
        2
    }
}

fn main() {
    let _ = Shop.search() + Shop.legacy();
}
