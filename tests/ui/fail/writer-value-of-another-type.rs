//! A value that the flag's type cannot hold.
use flags_runtime::writer::FlagWriter;
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "page_size", default = 20, expires = "2099-03-01")]
static PAGE_SIZE: Flag<u32>;

fn write(writer: &mut FlagWriter) {
    let _ = writer.set(&PAGE_SIZE, "ten");
}

fn main() {
    let _ = (flag!(PAGE_SIZE), write);
}
