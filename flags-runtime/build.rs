//! Empty: cargo wants a build script beside `links`, and `links` is what refuses two registries in one binary.
fn main() {}
