//! Post: the audit as Markdown that somebody reads once a week: first what is new and how much, then each owner's own.

use std::fmt::Write as _;

use super::{Audit, By, Finding, Kind, table};
use crate::report::markdown_cell;

/// The whole post; `most` findings of a group at most, the rest is counted.
pub(crate) fn post(audit: &Audit<'_>, by: By, most: usize) -> String {
    let mut text = format!("## Feature flags on {}\n\n{}.\n", audit.as_of, capital(&markdown_cell(&audit.summary())));
    let denied = audit.denied().count();
    if denied > 0 {
        let _ = writeln!(text, "\n**{denied} of them must be mended.**");
    }
    if !audit.findings.is_empty() {
        text += "\n| kind | findings | meaning |\n| --- | ---: | --- |\n";
    }
    for kind in Kind::ALL {
        let count = audit.kinds.get(kind.word()).copied().unwrap_or(0);
        if count > 0 {
            let _ = writeln!(text, "| {kind} | {count} | {} |", markdown_cell(kind.meaning()));
        }
    }
    for group in audit.groups.iter().flatten() {
        let _ = writeln!(text, "\n### {} ({})\n", markdown_cell(&group.name), group.findings);
        text += "| | flag | what | where | what to do |\n| --- | --- | --- | --- | --- |\n";
        let of_group = || audit.findings.iter().filter(|finding| by.name(finding) == group.name);
        of_group().take(most).for_each(|finding| text += &row(finding));
        let more = of_group().count().saturating_sub(most);
        if more > 0 {
            let _ = writeln!(text, "\nand {more} more");
        }
    }
    for line in notes(audit) {
        let _ = write!(text, "\n{}\n", markdown_cell(&line));
    }
    text
}

/// What the findings leave open.
pub(crate) fn notes(audit: &Audit<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if !audit.unlinked.is_empty() {
        let packages: Vec<_> = audit.unlinked.iter().map(String::as_str).collect();
        notes.push(format!(
            "unlinked: no program has the flags of {} (a dependency that is never mentioned is not linked: `use {} as _;`)",
            packages.join(", "),
            packages[0].replace('-', "_")
        ));
    }
    let mut reasons: Vec<(&String, Vec<&str>)> = Vec::new();
    for (kind, why) in &audit.not_asked {
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, kinds)) => kinds.push(kind),
            None => reasons.push((why, vec![kind])),
        }
    }
    let is_part = |kinds: &[&str]| kinds.iter().any(|kind| audit.kinds.contains_key(kind));
    notes.extend(reasons.iter().map(|(why, kinds)| {
        let what = if is_part(kinds) { "not looked for everywhere" } else { "not looked for" };
        format!("{what}: {} ({why})", kinds.join(", "))
    }));
    if !audit.mended.is_empty() {
        notes
            .push(format!("mended since the baseline: {} (`--update-baseline` takes it off)", audit.mended.join(", ")));
    }
    notes
}

fn row(finding: &Finding) -> String {
    let cells = [
        finding.kind.to_string(),
        finding.flag.clone(),
        table::what(finding),
        table::places(finding),
        finding.fix.clone(),
    ];
    let mark = if finding.is_denied { "**" } else { "" };
    let mut cells = cells.map(|cell| markdown_cell(&cell));
    cells[0] = format!("{mark}{}{mark}", cells[0]);
    format!("| {} |\n", cells.join(" | "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
