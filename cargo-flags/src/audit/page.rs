//! Page: all flags and what is wrong with them as one HTML file that needs nothing else: a timeline of expiries, owners, and a
//! table that is sorted and filtered in the browser.
//!
//! Everything is in the markup: without scripts it is a plain page. Texts of records and documents are anybody's, and are escaped.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use jiff::civil::Date;

use super::subject::Flag;
use super::{Audit, Finding, Kind, post};
use crate::day;

const TEMPLATE: &str = include_str!("page.html");

/// The months that the timeline shows before and after its day.
const MONTHS_BEFORE: i64 = 6;
const MONTHS_AFTER: i64 = 18;

/// The findings of each flag.
struct Found<'a>(HashMap<String, Vec<&'a Finding>>);

impl<'a> Found<'a> {
    fn of(&self, flag: &Flag<'_>) -> &[&'a Finding] {
        let key = format!("{} {}", flag.record.package, flag.record.name);
        self.0.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The whole page.
pub(crate) fn page(audit: &Audit<'_>) -> String {
    let mut found = Found(HashMap::new());
    let mut undeclared = Vec::new();
    for finding in &audit.findings {
        match &finding.package {
            Some(package) => found.0.entry(format!("{package} {}", finding.flag)).or_default().push(finding),
            None => undeclared.push(finding),
        }
    }
    let rows: String = audit.subject.flags.iter().map(|flag| row(audit, flag, found.of(flag))).collect();
    let rows = undeclared.iter().fold(rows, |rows, finding| rows + &undeclared_row(finding));
    let notes = all(post::notes(audit).iter().map(|line| format!("<p class=\"note\">{}</p>\n", escaped(line))));
    // The parts hold no placeholders of other parts: braces in texts are escaped.
    TEMPLATE
        .replace("{{day}}", &escaped(&audit.as_of))
        .replace("{{summary}}", &escaped(&audit.summary()))
        .replace("{{tiles}}", &tiles(audit))
        .replace("{{timeline}}", &timeline(audit))
        .replace("{{owners}}", &owners(audit, &found))
        .replace("{{kinds}}", &kind_options(audit))
        .replace("{{notes}}", &notes)
        .replace("{{rows}}", &rows)
}

/// The numbers at the top: all flags, and each kind that was found.
fn tiles(audit: &Audit<'_>) -> String {
    let mut tiles = format!("<li><b>{}</b> {}</li>\n", audit.flags, if audit.flags == 1 { "flag" } else { "flags" });
    for kind in Kind::ALL {
        let count = audit.kinds.get(kind.word()).copied().unwrap_or(0);
        if count > 0 {
            let class = if kind.is_warning() { "bad" } else { "fair" };
            let _ = writeln!(
                tiles,
                "<li><button type=\"button\" class=\"{class}\" data-kind=\"{kind}\" title=\"{}\"><b>{count}</b> {kind}</button></li>",
                escaped(kind.meaning())
            );
        }
    }
    tiles
}

fn kind_options(audit: &Audit<'_>) -> String {
    let found = Kind::ALL.iter().filter(|kind| audit.kinds.get(kind.word()).is_some_and(|count| *count > 0));
    all(found.map(|kind| format!("<option>{kind}</option>")))
}

/// A column for each month, and in it a dot for each flag that expires then.
fn timeline(audit: &Audit<'_>) -> String {
    let month_of = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
    let now = month_of(audit.subject.as_of);
    let mut months: BTreeMap<i64, Vec<(Date, &Flag<'_>)>> = BTreeMap::new();
    for flag in &audit.subject.flags {
        if let Some(date) = flag.record.expires.as_deref().and_then(day::read) {
            let month = month_of(date).clamp(now - MONTHS_BEFORE - 1, now + MONTHS_AFTER + 1);
            months.entry(month).or_default().push((date, flag));
        }
    }
    let mut columns = String::new();
    for month in now - MONTHS_BEFORE - 1..=now + MONTHS_AFTER + 1 {
        let mut flags = months.remove(&month).unwrap_or_default();
        flags.sort_by_key(|(date, _)| *date);
        let label = match month - now {
            before if before < -MONTHS_BEFORE => "before".to_owned(),
            after if after > MONTHS_AFTER => "later".to_owned(),
            _ => format!("{}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1),
        };
        let dots = all(flags.iter().map(|(date, flag)| {
            let class = match day::between(audit.subject.as_of, *date) {
                days if days < 0 => "bad",
                days if days <= audit.subject.limits.expiring => "fair",
                _ => "good",
            };
            let (anchor, name) = (anchor(flag), escaped(&flag.record.name));
            format!("<a class=\"{class}\" href=\"#{anchor}\" title=\"{name}: {date}\"><span>{name}: {date}</span></a>")
        }));
        let today = if month == now { " class=\"now\"" } else { "" };
        let _ = writeln!(
            columns,
            "<li{today}><div class=\"dots\">{dots}</div><b>{}</b><small>{label}</small></li>",
            if flags.is_empty() { String::new() } else { flags.len().to_string() }
        );
    }
    columns
}

/// A row for each owner: how many flags and findings, and how old.
fn owners(audit: &Audit<'_>, found: &Found<'_>) -> String {
    #[derive(Default)]
    struct Owned {
        flags: usize,
        findings: usize,
        expired: usize,
        ages: Vec<i64>,
    }
    let mut owners: BTreeMap<&str, Owned> = BTreeMap::new();
    for flag in &audit.subject.flags {
        let owned = owners.entry(flag.record.owner.as_deref().unwrap_or_default()).or_default();
        owned.flags += 1;
        owned.findings += found.of(flag).len();
        owned.expired += found.of(flag).iter().filter(|finding| finding.kind == Kind::Expired).count();
        owned.ages.extend(flag.age(audit.subject.as_of));
    }
    let most = owners.values().map(|owned| owned.flags).max().unwrap_or(1);
    let mut rows = String::new();
    for (owner, owned) in owners {
        let shown = if owner.is_empty() { "(no owner)" } else { owner };
        let oldest = owned.ages.iter().max().map(|days| format!("{days} d")).unwrap_or_default();
        let _ = writeln!(
            rows,
            "<tr><td><button type=\"button\" data-owner=\"{}\">{}</button></td><td><span class=\"bar\" style=\"width:{}%\"></span>{}</td>\
             <td>{}</td><td>{}</td><td>{oldest}</td></tr>",
            escaped(shown),
            escaped(shown),
            owned.flags * 60 / most,
            owned.flags,
            owned.findings,
            owned.expired
        );
    }
    rows
}

/// One flag. `data-..` is what the script sorts and filters by.
fn row(audit: &Audit<'_>, flag: &Flag<'_>, findings: &[&Finding]) -> String {
    let record = flag.record;
    let owner = record.owner.as_deref().unwrap_or("(no owner)");
    let age = flag.age(audit.subject.as_of);
    let (expires, class) = match (&record.expires, &record.never) {
        (Some(date), _) if findings.iter().any(|finding| finding.kind == Kind::Expired) => (date.clone(), "bad"),
        (Some(date), _) if findings.iter().any(|finding| finding.kind == Kind::Expiring) => (date.clone(), "fair"),
        (Some(date), _) => (date.clone(), ""),
        (None, Some(_)) => ("never".to_owned(), ""),
        (None, None) => (String::new(), ""),
    };
    let default = record.default_text().unwrap_or_default();
    let kinds: Vec<_> = findings.iter().map(|finding| finding.kind.word()).collect();
    format!(
        "<tr id=\"{}\" data-owner=\"{owner}\" data-kinds=\"{}\">\
         <td data-value=\"{name}\"><b>{name}</b><small>{}</small></td>\
         <td data-value=\"{owner}\">{owner}</td>\
         <td data-value=\"{package}\">{package}</td>\
         <td data-value=\"{value_type}\">{value_type}<small>{}</small></td>\
         <td data-value=\"{state}\">{state}</td>\
         <td class=\"number\" data-value=\"{}\">{}</td>\
         <td data-value=\"{expires}\"><span class=\"{class}\">{expires}</span><small>{}</small></td>\
         <td class=\"number\" data-value=\"{sites}\">{}</td>\
         <td data-value=\"{}\">{}</td></tr>\n",
        anchor(flag),
        kinds.join(" "),
        escaped(record.doc.as_deref().unwrap_or_default().trim()),
        escaped(&default),
        age.map_or_else(String::new, |days| days.to_string()),
        age.map_or_else(String::new, |days| format!("{days} d")),
        escaped(record.never.as_deref().unwrap_or_default()),
        places(flag),
        findings.len(),
        findings.iter().map(|finding| told(finding)).collect::<String>(),
        name = escaped(&record.name),
        owner = escaped(owner),
        package = escaped(&record.package),
        value_type = escaped(&record.value_type),
        state =
            escaped(&super::rolled_out::state(audit.subject.evidence.as_ref().map(|(evidence, _)| *evidence), record)),
        sites = flag.call_sites.len(),
    )
}

fn undeclared_row(finding: &Finding) -> String {
    let key = escaped(&finding.key);
    format!(
        "<tr data-owner=\"\" data-kinds=\"{}\"><td data-value=\"{key}\"><b>{key}</b></td><td data-value=\"\"></td><td data-value=\"\"></td>\
         <td data-value=\"\"></td><td data-value=\"\"></td><td data-value=\"\"></td><td data-value=\"\"></td><td data-value=\"0\"></td>\
         <td data-value=\"1\">{}</td></tr>\n",
        finding.kind,
        told(finding)
    )
}

/// The number of places that read a flag, with the places behind it.
fn places(flag: &Flag<'_>) -> String {
    let declared = flag.declared.iter().map(|place| format!("<li>declared at {}</li>", escaped(&place.text())));
    let sites = flag.call_sites.iter().map(|place| format!("<li>{}</li>", escaped(&place.text())));
    let list: String = declared.chain(sites).collect();
    format!("<details><summary>{}</summary><ul>{list}</ul></details>", flag.call_sites.len())
}

fn told(finding: &Finding) -> String {
    let class = if finding.kind.is_warning() { "bad" } else { "fair" };
    let known = if finding.is_known { " <small>(known)</small>" } else { "" };
    format!(
        "<details><summary><span class=\"{class}\">{}</span>{known}</summary><p>{}</p><p>{}</p></details>",
        finding.kind,
        escaped(&finding.message),
        escaped(&finding.fix)
    )
}

fn all(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().concat()
}

fn anchor(flag: &Flag<'_>) -> String {
    escaped(&format!("{}.{}", flag.record.package, flag.record.name))
}

/// Text as HTML, also within quotes.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in crate::report::visible(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            '{' => shown.push_str("&#123;"),
            character => shown.push(character),
        }
    }
    shown
}
