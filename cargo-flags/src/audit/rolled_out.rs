//! Rolled out: documents by which everybody gets the same, and since when.

use flags_runtime::rules::Document;
use flags_runtime::source::redis::admin::StoredDocument;

use super::finding::{Certainty, Since};
use super::live::{Told, key, misfit};
use super::subject::{Flag, Subject};
use crate::artifact::FlagRecord;
use crate::day;
use crate::evidence::{Evidence, Observation};

/// Whom a document is on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Everybody {
    On,
    Off,
}

pub(super) fn fully_rolled_out(flag: &Flag<'_>, subject: &Subject<'_>, evidence: &Evidence) -> Option<Told> {
    // Nobody goes by a document that services refuse: that is drift. Nor by one of a flag that a provider decides, as long as
    // that knows the flag.
    if flag.is_long_lived() || flag.is_decided_elsewhere() || misfit(flag, evidence).is_some() {
        return None;
    }
    let stored = evidence.document(key(flag))?;
    let document = stored.parse().ok()?;
    let everybody = everybody(&document)?;
    let (since, certainty) = since(key(flag), &stored, everybody, evidence);
    let days = since.map(|since| day::between(day::of_moment(since), day::of_moment(evidence.at)));
    if days.is_some_and(|days| days <= subject.limits.rolled_out) {
        return None;
    }
    let state = if everybody == Everybody::On { "on" } else { "off" };
    let when = match (since.map(day::of_moment), certainty) {
        (Some(date), Certainty::Exact) => format!(" since {date}, {}", day::counted(days.unwrap_or(0))),
        (Some(date), _) => format!(" since {date} or before, {} at least", day::counted(days.unwrap_or(0))),
        (None, _) => ", and nobody knows since when".to_owned(),
    };
    let name = &flag.record.name;
    let fix = match everybody {
        Everybody::On if flag.record.value_type != "bool" => {
            let value = document.value.map_or_else(|| "its default".to_owned(), |value| shortened(value.get()));
            format!("write {value} into the code, remove the flag, then `cargo flags delete {name}`")
        }
        Everybody::On => format!("keep the code that it turns on, remove the flag, then `cargo flags delete {name}`"),
        Everybody::Off if flag.record.value_type != "bool" => {
            format!("write its default into the code, remove the flag, then `cargo flags delete {name}`")
        }
        Everybody::Off => format!("remove the flag with the code that it turns on, then `cargo flags delete {name}`"),
    };
    let since = Since { date: since.map(|since| day::of_moment(since).to_string()), certainty };
    Some(Told { since: Some(since), ..Told::new(format!("{state} for everybody{when}"), fix) })
}

/// The answer of a document, if everybody gets the same.
pub(super) fn everybody(document: &Document<'_>) -> Option<Everybody> {
    let is_for_nobody =
        document.rollout_percentage <= 0.0 && document.allowed_users.is_empty() && document.allowed_groups.is_empty();
    if !document.enabled || is_for_nobody {
        Some(Everybody::Off)
    } else if document.rollout_percentage >= 100.0 {
        Some(Everybody::On)
    } else {
        None
    }
}

/// Since when a document has been on or off for everybody: by the trail, as long as that leads to it without a gap; else as
/// processes saw the document.
fn since(key: &str, stored: &StoredDocument, now: Everybody, evidence: &Evidence) -> (Option<i64>, Certainty) {
    let was_same = |text: &str| {
        let before = StoredDocument::from(text);
        before.parse().is_ok_and(|document| everybody(&document) == Some(now))
    };
    let mut text = Some(stored.text().into_owned());
    let mut oldest = None;
    let writes = evidence.trail.iter().flatten().rev().filter(|write| write.key == key);
    for write in writes {
        if write.new != text {
            // Somebody wrote past the trail.
            break;
        }
        oldest = Some(write.at);
        match &write.old {
            Some(old) if was_same(old) => text = Some(old.clone()),
            _ => return (oldest, Certainty::Exact),
        }
    }
    let sha = stored.short_sha();
    let of_document = |seen: &&Observation| seen.key == key && seen.sha == sha;
    let observed = evidence.since.iter().flatten().find(of_document).map(|observed| observed.at);
    match oldest.into_iter().chain(observed).min() {
        Some(at) => (Some(at), Certainty::Observed),
        None => (None, Certainty::Unknown),
    }
}

/// A value, as far as a sentence bears it.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 40;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &value[..end]),
        None => value.to_owned(),
    }
}

/// What everybody gets by the document of a flag, in few words, or who decides it; nothing where no server was asked.
pub(super) fn state(evidence: Option<&Evidence>, record: &FlagRecord) -> String {
    if let Some(provider) = &record.provider {
        return format!("by {provider}");
    }
    let Some(evidence) = evidence else { return String::new() };
    let Some(stored) = evidence.document(record.key()) else { return "no document".to_owned() };
    let Ok(document) = stored.parse() else { return "refused".to_owned() };
    match everybody(&document) {
        Some(Everybody::On) => "on".to_owned(),
        Some(Everybody::Off) => "off".to_owned(),
        None if document.rollout_percentage <= 0.0 => "on for some".to_owned(),
        None => format!("{} %", document.rollout_percentage),
    }
}
