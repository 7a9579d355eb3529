//! Texts of results: cut, so that a result of any size is a few lines; and where two of them differ.

use std::fmt::{self, Write};

/// The most bytes that are kept of one side's text.
pub(super) const LONGEST: usize = 2048;
/// What is shown in front of a difference that stands far behind.
const AROUND: usize = 200;
/// The most bytes in which a difference is looked for.
pub(super) const LONGEST_LOOK: usize = 64 * 1024;

/// What a value looks like, cut to `limit` bytes. Formatting stops there: what is behind is never made.
pub(super) fn cut(limit: usize, show: impl FnOnce(&mut dyn Write) -> fmt::Result) -> String {
    let mut text = Cut { text: String::new(), limit, has_more: false };
    let shown = show(&mut text);
    let Cut { mut text, has_more, .. } = text;
    if has_more {
        text.push('…');
    } else if shown.is_err() {
        text.push_str(" (its formatting failed)");
    }
    text
}

/// The text on one line: that is how it stands in reports. Still as long as a difference is looked for.
pub(super) fn debug(value: &dyn fmt::Debug) -> String {
    cut(LONGEST_LOOK, |to| write!(to, "{value:?}"))
}

/// Both texts as they are kept: around the first difference, if that is where the cut would hide it.
pub(super) fn around_difference(legacy: &str, body: &str) -> (String, String) {
    let same = legacy.bytes().zip(body.bytes()).take_while(|(ours, theirs)| ours == theirs).count();
    let start = if same + AROUND > LONGEST { same - AROUND.min(same) } else { 0 };
    let window = |text: &str| {
        let start = (0..=start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let rest = &text[start..];
        let shown = cut(LONGEST, |to| to.write_str(rest));
        if start > 0 { format!("…{shown}") } else { shown }
    };
    (window(legacy), window(body))
}

/// The name of the first field in which two values differ, by their `Debug`: `order.lines.total`. It holds names of fields
/// only, nothing of the values.
pub(super) fn differing_field(legacy: &dyn fmt::Debug, body: &dyn fmt::Debug) -> Option<String> {
    let pretty = |value: &dyn fmt::Debug| cut(LONGEST_LOOK, |to| write!(to, "{value:#?}"));
    let (legacy, body) = (pretty(legacy), pretty(body));
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (ours, theirs) in legacy.lines().zip(body.lines()) {
        let depth = ours.len() - ours.trim_start().len();
        path.retain(|(above, _)| *above < depth);
        if let Some(name) = field(ours) {
            path.push((depth, name));
        }
        if ours != theirs {
            // Another field at the same place says nothing of either.
            if field(ours) != field(theirs) {
                path.pop_if(|(at, _)| *at == depth);
            }
            break;
        }
    }
    let names: Vec<&str> = path.into_iter().map(|(_, name)| name).collect();
    (!names.is_empty() && legacy != body).then(|| names.join("."))
}

/// The name in front of a line's first colon, if it is one: a key of a map is a value and may be anything.
fn field(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().split_once(": ")?;
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(name)
}

struct Cut {
    text: String,
    limit: usize,
    has_more: bool,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.limit - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.text.push_str(&text[..end]);
        self.has_more = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Line {
        sku: &'static str,
        total: u32,
    }

    #[derive(Clone, Debug)]
    struct Order {
        id: u32,
        lines: Vec<Line>,
        note: std::collections::BTreeMap<&'static str, u32>,
    }

    fn order() -> Order {
        let lines = vec![Line { sku: "a", total: 1 }, Line { sku: "b", total: 2 }];
        Order { id: 7, lines, note: [("k", 1)].into_iter().collect() }
    }

    #[test]
    fn the_first_differing_field_is_named_by_its_path() {
        let (legacy, mut body) = (order(), order());
        body.lines[1].total = 3;
        assert_eq!(differing_field(&legacy, &body).as_deref(), Some("lines.total"));
        assert_eq!(differing_field(&legacy, &legacy), None);
        let mut body = order();
        body.id = 8;
        assert_eq!(differing_field(&legacy, &body).as_deref(), Some("id"));
        assert_eq!(differing_field(&1, &2), None);
        assert!(body.lines[0].sku.starts_with('a'));
    }

    #[test]
    fn keys_of_maps_and_texts_are_values_and_never_named() {
        let (legacy, mut body) = (order(), order());
        body.note.insert("k", 2);
        assert_eq!(differing_field(&legacy, &body).as_deref(), Some("note"));
        assert_eq!(differing_field(&"secret: 1", &"secret: 2"), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let (text, _) = around_difference(&debug(&"é".repeat(10_000)), "x");
        assert!(text.len() <= LONGEST + '…'.len_utf8(), "{}", text.len());
        assert!(text.ends_with("é…"), "{}", &text[text.len() - 10..]);
        assert_eq!(debug(&"short"), "\"short\"");
    }

    #[test]
    fn a_difference_far_behind_is_shown_and_not_cut_off() {
        let long = "é".repeat(5000);
        let (legacy, body) = around_difference(&format!("{long}1 and more"), &format!("{long}2 and more"));
        assert!(legacy.starts_with("…é") && legacy.ends_with("é1 and more"), "{legacy}");
        assert!(body.ends_with("é2 and more") && body.len() < LONGEST, "{body}");
        assert_eq!(around_difference("a1", "a2"), ("a1".to_owned(), "a2".to_owned()));
    }

    #[test]
    fn formatting_stops_where_the_text_is_cut() {
        struct Endless;
        impl fmt::Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("more ")?;
                }
            }
        }
        assert!(debug(&Endless).ends_with('…'));
    }
}
