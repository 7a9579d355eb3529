//! A program that only says hello.

fn main() {
    println!("hello");
}
