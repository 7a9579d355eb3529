//! Table: findings as rows, for terminals and spreadsheets.

use super::{Audit, By, Finding, counted, kinds};
use crate::report::Rows;

/// How many places a cell names.
const PLACES: usize = 2;

/// A row for each finding, of one group after the other if there are any.
pub(crate) fn findings(audit: &Audit<'_>, by: Option<By>) -> Rows {
    let mut rows = Rows::new(&["kind", "flag", "owner", "crate", "age", "what", "where", "what to do"]);
    for finding in sorted(audit, by) {
        rows.push(vec![
            finding.kind.to_string(),
            finding.flag.clone(),
            finding.owner.clone().unwrap_or_default(),
            finding.package.clone().unwrap_or_default(),
            age(finding),
            what(finding),
            places(finding),
            finding.fix.clone(),
        ]);
    }
    rows
}

/// A row for each group.
pub(crate) fn groups(audit: &Audit<'_>, by: By) -> Rows {
    let title = match by {
        By::Owner => "owner",
        By::Crate => "crate",
    };
    let mut rows = Rows::new(&[title, "findings", "of which"]);
    for group in audit.groups.iter().flatten() {
        rows.push(vec![group.name.clone(), group.findings.to_string(), kinds(&group.kinds)]);
    }
    rows
}

/// The findings, those of the group with the most first.
pub(super) fn sorted<'a>(audit: &'a Audit<'_>, by: Option<By>) -> Vec<&'a Finding> {
    let mut findings: Vec<_> = audit.findings.iter().collect();
    if let (Some(by), Some(groups)) = (by, &audit.groups) {
        findings.sort_by_key(|finding| groups.iter().position(|group| group.name == by.name(finding)));
    }
    findings
}

fn age(finding: &Finding) -> String {
    finding.age_days.map(|days| format!("{days} d")).unwrap_or_default()
}

/// What is wrong, and whether that is news.
pub(super) fn what(finding: &Finding) -> String {
    let mark = if finding.is_known { " (known)" } else { "" };
    format!("{}{mark}", finding.message)
}

/// Where it is declared, and who reads it.
pub(super) fn places(finding: &Finding) -> String {
    let mut shown: Vec<_> = finding.declared.iter().take(PLACES).map(super::Place::text).collect();
    let more = finding.declared.len().saturating_sub(PLACES);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    match &finding.call_sites[..] {
        [] => {}
        [only] => shown.push(format!("read at {}", only.text())),
        [first, more @ ..] => {
            let others = counted(more.len(), "other place", "other places");
            shown.push(format!("read at {} and {others}", first.text()));
        }
    }
    shown.join(", ")
}
