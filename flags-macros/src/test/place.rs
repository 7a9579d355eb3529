//! Place: whether the attribute stands below the one that makes the test.
//!
//! `#[test]` is gone when what stands below it is expanded, and this attribute would add a second one. Nothing but the source
//! tells; where that is not to be had, or is written by another macro, nothing is said.

use proc_macro2::Span;

/// Whether one of the lines above is `#[test]`, up to the item before.
pub(crate) fn stands_below_test(attribute: Span) -> bool {
    let span = attribute.unwrap();
    let Some(text) = span.local_file().and_then(|file| std::fs::read_to_string(file).ok()) else { return false };
    let lines: Vec<_> = text.lines().take(span.start().line().saturating_sub(1)).collect();
    is_below(&lines)
}

/// The same of the lines above.
pub(super) fn is_below(lines: &[&str]) -> bool {
    let lines = lines.iter().rev().map(|line| line.trim());
    let of_item = lines.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let plain = |line: &str| line.replace(' ', "").trim_start_matches("#[").to_owned();
    of_item.map(plain).any(|line| {
        let path = line.split([']', '(']).next().unwrap_or_default().to_owned();
        matches!(&*path, "test" | "core::prelude::v1::test" | "::core::prelude::v1::test")
    })
}
