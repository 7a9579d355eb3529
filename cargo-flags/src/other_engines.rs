//! Other engines: what this one takes in its stride, and services in other languages that share the documents do not.

use flags_runtime::rules::Document;

use crate::report::visible;

/// What is wrong with the document of a flag for Python services, each as a sentence without its end.
pub(crate) fn complaints(name: &str, key: &str, document: &Document<'_>) -> Vec<String> {
    let mut found = Vec::new();
    match &document.name {
        _ if document.raw.name.is_none() => found.push(format!(
            "the document of `{name}` has no `name`: Python services fail on it, and load no other flag either"
        )),
        Some(other) if other == key => {}
        other => {
            let other = other.as_ref().map_or_else(|| "null".to_owned(), |other| format!("`{}`", visible(other)));
            found.push(format!(
                "the `name` in the document of `{name}` is {other} and not `{key}`: Python services go by it, so that a \
                 percentage picks other users there than here"
            ));
        }
    }
    if !document.unknown_fields.is_empty() {
        found.push(format!(
            "the document of `{name}` has fields that no engine knows ({}): Python services fail on it, and load no other \
             flag either",
            visible(&document.unknown_fields.join(", "))
        ));
    }
    let raw = &document.raw;
    let fields = [
        ("rollout_percentage", raw.rollout_percentage),
        ("allowed_users", raw.allowed_users),
        ("allowed_groups", raw.allowed_groups),
    ];
    let nulls = fields.iter().filter(|(_, text)| text.is_some_and(|text| text.get() == "null"));
    let nulls: Vec<_> = nulls.map(|(field, _)| format!("`{field}`")).collect();
    if !nulls.is_empty() {
        found.push(format!(
            "in the document of `{name}` {} is null: reading the flag fails in Python services",
            nulls.join(" and ")
        ));
    }
    found
}
