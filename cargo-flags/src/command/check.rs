//! `check`: `cargo check` on today's date, and every line that uses a flag which has expired by then.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde::Serialize;

use crate::cargo;
use crate::cli::Packages;
use crate::day;
use crate::failure::{Failure, note};
use crate::mention::{ExpiredFlag, Mention, Place};
use crate::report::{self, ListFormat, Rows};
use crate::rustc;

/// Run cargo check on today's date, and list the expired flags and the lines that use them
///
/// All targets are checked, with tests and examples, unless the options for cargo choose; a line is found if it is
/// compiled, so `-- --all-features` may find more. A date that is pinned for builds and the warnings that a crate
/// allows, forbids or denies make no difference. Of the compiler's other messages only errors are shown. In a virtual
/// workspace its default members are checked, unless --workspace.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    packages: Packages,

    /// The day to check for, as YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = day::date)]
    as_of: Option<Date>,

    /// End with exit code 1 if there is such a finding
    #[arg(long, value_enum, value_name = "KIND")]
    deny: Option<Finding>,

    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// What can be denied.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Finding {
    /// A flag that has expired
    Expired,
}

/// The answer as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    as_of: String,
    expired: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    flag: &'a ExpiredFlag,
    #[serde(flatten)]
    lines: &'a Lines,
}

/// Where the compiler met a flag: each place once, whatever number of targets it is compiled for.
#[derive(Debug, Default, Serialize)]
struct Lines {
    /// None if the flag is declared in a package whose lints nobody hears.
    declared: BTreeSet<Place>,
    uses: BTreeSet<Place>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let as_of = arguments.as_of.unwrap_or_else(day::today);
    let environment = rustc::environment(&as_of.to_string())?;
    let mut expired: BTreeMap<ExpiredFlag, Lines> = BTreeMap::new();
    let is_sound = cargo::check(&arguments.packages, &environment, |diagnostic| match Mention::read(&diagnostic) {
        Some(Mention { flag, place, is_declaration }) => {
            let Lines { declared, uses } = expired.entry(flag).or_default();
            if is_declaration { declared } else { uses }.insert(place);
        }
        None => show_error(&diagnostic),
    })?;
    if !is_sound {
        return Err(Failure::wrong("the check failed, so a list of expired flags would not be whole"));
    }
    if expired.is_empty() {
        note(format_args!("no flag has expired as of {as_of}"));
    }
    let json = Answer {
        as_of: as_of.to_string(),
        expired: expired.iter().map(|(flag, lines)| Listed { flag, lines }).collect(),
    };
    report::print(arguments.format, &rows(&expired), &json)?;
    match arguments.deny {
        Some(Finding::Expired) if !expired.is_empty() => Err(Failure::denied(summary(&expired))),
        _ => Ok(()),
    }
}

/// Says on stderr what keeps the packages from being compiled. Other warnings belong to another day's `cargo check`.
fn show_error(diagnostic: &Diagnostic) {
    if let DiagnosticLevel::Error | DiagnosticLevel::Ice = diagnostic.level {
        let text = diagnostic.rendered.as_ref().unwrap_or(&diagnostic.message);
        // Without a stderr there is nobody to tell, and the exit code still says it.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// A row for each line of code, the declaration of a flag first.
fn rows(expired: &BTreeMap<ExpiredFlag, Lines>) -> Rows {
    let mut rows = Rows::new(&["flag", "expired on", "owner", "line", "which"]);
    for (flag, Lines { declared, uses }) in expired {
        let lines = declared.iter().map(|place| (place, "declares it"));
        for (Place { file, line, column }, which) in lines.chain(uses.iter().map(|place| (place, "uses it"))) {
            rows.push(vec![
                flag.name.clone(),
                flag.expires.clone(),
                flag.owner.clone().unwrap_or_default(),
                format!("{file}:{line}:{column}"),
                which.to_owned(),
            ]);
        }
    }
    rows
}

fn summary(expired: &BTreeMap<ExpiredFlag, Lines>) -> String {
    let names: Vec<_> = expired.keys().map(|flag| format!("`{}`", flag.name)).collect();
    let (flags, have) = if names.len() == 1 { ("flag", "has") } else { ("flags", "have") };
    format!("{} {flags} {have} expired: {}", names.len(), names.join(", "))
}
