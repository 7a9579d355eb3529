//! SARIF: findings for code-scanning tools, in version 2.1.0 of the format.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::github::in_repository;
use super::{Audit, Finding, Kind, Place};
use crate::sources::Sources;

/// What stands for something in a path of a URI.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The whole log.
pub(crate) fn sarif(audit: &Audit<'_>, sources: &Sources) -> Value {
    let rules: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| {
            json!({
                "id": kind.word(),
                "shortDescription": {"text": kind.meaning()},
                "defaultConfiguration": {"level": level(*kind)},
            })
        })
        .collect();
    let results: Vec<_> = audit.findings.iter().map(|finding| result(finding, sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "cargo-flags", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Finding, sources: &Sources) -> Value {
    let Finding { kind, flag, message, fix, is_known, is_denied, .. } = finding;
    let index = Kind::ALL.iter().position(|other| other == kind);
    // Tools want a place: what is nowhere in the code stands at the manifest.
    let manifest = Place { file: "Cargo.toml".to_owned(), line: Some(1), column: None };
    let place = finding.place().unwrap_or(&manifest);
    let related = finding.call_sites.iter().filter(|site| *site != place);
    let related: Vec<_> = related
        .enumerate()
        .map(|(id, site)| {
            let mut location = location(site, sources);
            location["id"] = id.into();
            location["message"] = json!({"text": "read here"});
            location
        })
        .collect();
    json!({
        "ruleId": kind.word(),
        "ruleIndex": index,
        "level": if *is_denied { "error" } else { level(*kind) },
        "message": {"text": format!("`{flag}`: {message}. {fix}")},
        "locations": [location(place, sources)],
        "relatedLocations": related,
        "partialFingerprints": {"flag/v1": finding.line()},
        "baselineState": if *is_known { "unchanged" } else { "new" },
    })
}

fn location(place: &Place, sources: &Sources) -> Value {
    let path = in_repository(&place.file, sources);
    let uri = utf8_percent_encode(&path.replace('\\', "/"), IN_PATH).to_string();
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri}}});
    if let Some(line) = place.line {
        location["physicalLocation"]["region"] = json!({"startLine": line});
        if let Some(column) = place.column {
            location["physicalLocation"]["region"]["startColumn"] = column.into();
        }
    }
    location
}

fn level(kind: Kind) -> &'static str {
    if kind.is_warning() { "warning" } else { "note" }
}
