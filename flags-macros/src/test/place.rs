//! Place: whether the attribute stands below the one that makes the test.
//!
//! `#[test]` is gone when what stands below it is expanded, and this attribute would add a second one. Nothing but the source
//! tells; where that is not to be had, or is written by another macro, nothing is said.

use proc_macro2::Span;

/// Whether one of the lines above is `#[test]`, up to the item before.
pub(crate) fn stands_below_test(attribute: Span) -> bool {
    let span = attribute.unwrap();
    let Some(text) = span.local_file().and_then(|file| std::fs::read_to_string(file).ok()) else { return false };
    let start = span.start();
    let mut lines: Vec<_> = text.lines().take(start.line()).collect();
    // Of the attribute's own line what stands before it.
    if let Some(own) = lines.last_mut() {
        *own = own.get(..start.column().saturating_sub(1)).unwrap_or_default();
    }
    is_below(&lines)
}

/// The same of the lines above.
pub(super) fn is_below(lines: &[&str]) -> bool {
    let lines = lines.iter().rev().map(|line| line.trim());
    // Whole lines of attributes and comments: another item ends them.
    let is_attribute = |line: &&str| {
        let code = line.split("//").next().unwrap_or_default().trim_end();
        code.is_empty() || code.starts_with("#[") && code.ends_with(']')
    };
    let of_item = lines
        .enumerate()
        .take_while(|(index, line)| *index == 0 && line.is_empty() || !line.is_empty() && is_attribute(line));
    let paths = |line: &str| {
        let plain = line.replace(' ', "");
        let paths = plain.split("#[").skip(1).map(|rest| rest.split([']', '(']).next().unwrap_or_default().to_owned());
        paths.collect::<Vec<_>>()
    };
    of_item
        .flat_map(|(_, line)| paths(line))
        .any(|path| matches!(&*path, "test" | "core::prelude::v1::test" | "::core::prelude::v1::test"))
}
