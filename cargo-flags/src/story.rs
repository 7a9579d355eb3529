//! Story: what changed between two documents, in words.

use std::borrow::Cow;

use flags_runtime::rules::Document;
use flags_runtime::source::redis::admin::StoredDocument;
use serde_json::value::RawValue;

use crate::report::one_line;

/// More than this of a value says nothing more.
const LONGEST_VALUE: usize = 60;

/// What a write did: `off (was on), rollout 10 % -> 25 %, +user u1`. Never empty.
pub(crate) fn change(old: Option<&StoredDocument>, new: Option<&StoredDocument>) -> String {
    match (old, new) {
        (None, None) => "nothing there, nothing left".to_owned(),
        (Some(_), None) => "deleted".to_owned(),
        (None, Some(new)) => match new.parse() {
            Ok(document) => format!("created: {}", state(&document)),
            Err(error) => format!("created, and refused by every reader: {error}"),
        },
        (Some(old), Some(new)) => match (old.parse(), new.parse()) {
            (_, Err(error)) => format!("broken: every reader refuses it: {error}"),
            (Err(_), Ok(document)) => format!("mended: {}", state(&document)),
            (Ok(before), Ok(after)) => difference(&before, &after),
        },
    }
}

/// What a document says, in few words.
fn state(document: &Document<'_>) -> String {
    let mut said = vec![if document.enabled { "on" } else { "off" }.to_owned()];
    if document.rollout_percentage < 100.0 {
        said.push(format!("rollout {} %", percentage(document)));
    }
    said.extend(document.allowed_users.iter().map(|user| format!("+user {user}")));
    said.extend(document.allowed_groups.iter().map(|group| format!("+group {group}")));
    let value = value(document);
    if value != "null" {
        said.push(format!("value {value}"));
    }
    said.join(", ")
}

fn difference(before: &Document<'_>, after: &Document<'_>) -> String {
    let mut said = Vec::new();
    match (before.enabled, after.enabled) {
        (true, false) => said.push("off (was on)".to_owned()),
        (false, true) => said.push("on (was off)".to_owned()),
        _ => {}
    }
    if percentage(before) != percentage(after) {
        said.push(format!("rollout {} % -> {} %", percentage(before), percentage(after)));
    }
    let mut lists = |kind: &str, before: &[Cow<'_, str>], after: &[Cow<'_, str>]| {
        let added = after.iter().filter(|name| !before.contains(name)).map(|name| format!("+{kind} {name}"));
        let removed = before.iter().filter(|name| !after.contains(name)).map(|name| format!("-{kind} {name}"));
        said.extend(added.chain(removed));
    };
    lists("user", &before.allowed_users, &after.allowed_users);
    lists("group", &before.allowed_groups, &after.allowed_groups);
    if value(before) != value(after) {
        said.push(format!("value {} -> {}", value(before), value(after)));
    }
    if said.is_empty() {
        return "written again, means the same".to_owned();
    }
    said.join(", ")
}

/// As it was written, since digits count.
fn percentage(document: &Document<'_>) -> String {
    let written = document.raw.rollout_percentage.map(RawValue::get).filter(|text| *text != "null");
    written.map_or_else(|| document.rollout_percentage.to_string(), str::to_owned)
}

fn value(document: &Document<'_>) -> String {
    let text = one_line(document.raw.value.map_or("null", RawValue::get));
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    text.chars().take(LONGEST_VALUE).collect::<String>() + ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> String {
        let stored = |text: &str| (!text.is_empty()).then(|| StoredDocument::from(text));
        change(stored(old).as_ref(), stored(new).as_ref())
    }

    #[test]
    fn what_changed_is_told_field_by_field() {
        let on = r#"{"enabled":true,"rollout_percentage":10,"allowed_users":["u1"],"value":"a"}"#;
        for (old, new, words) in [
            ("", on, "created: on, rollout 10 %, +user u1, value \"a\""),
            (on, "", "deleted"),
            (on, on, "written again, means the same"),
            (on, r#"{"enabled":false,"rollout_percentage":10,"allowed_users":["u1"],"value":"a"}"#, "off (was on)"),
            (
                on,
                r#"{"enabled":true,"rollout_percentage":12.50,"allowed_groups":["beta"],"value":"b"}"#,
                "rollout 10 % -> 12.50 %, -user u1, +group beta, value \"a\" -> \"b\"",
            ),
            (r#"{"enabled":false}"#, r#"{"enabled":true}"#, "on (was off)"),
            ("{", on, "mended: on, rollout 10 %, +user u1, value \"a\""),
        ] {
            assert_eq!(told(old, new), words);
        }
        assert!(told(on, "{").starts_with("broken: every reader refuses it"));
    }
}
