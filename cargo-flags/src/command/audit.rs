//! `audit`: everything that is wrong with flags, where, since when, and what to do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use crate::artifact::Inventory;
use crate::audit::{self, Audit, Baseline, By, Kind, Limits, Question, github, page, post, sarif, table};
use crate::cargo;
use crate::cli::{Origin, Packages, Server};
use crate::day;
use crate::evidence::Evidence;
use crate::failure::{Failure, note, warn};
use crate::live::Live;
use crate::report::{self, ListFormat};
use crate::sources::Sources;

/// Report everything that is wrong with flags: the flag-debt audit
///
/// Builds the package, or with --workspace all of them, unless --artifact names files. With --redis nothing is built: the files of
/// the last build are read. The exit code is 0 whatever is found, unless --deny says otherwise.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,

    /// Look at what this server knows, too: documents, their history, and what processes tell [without a URL: the one that
    /// `FLAGS_SOURCE` names, else `REDIS_URL`]
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "snapshot")]
    redis: Option<String>,

    /// What the keys of documents begin with [default: the environment variable `FLAGS_PREFIX`, else `ff:`]
    #[arg(long, value_name = "PREFIX", requires = "redis")]
    prefix: Option<String>,

    /// Look at what a server knew when `cargo flags export --all` wrote this file
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// Audit the flags of all builds that reported to the server within a day, instead of files
    #[arg(long, conflicts_with_all = ["artifact", "package", "workspace", "bin", "release", "features", "cargo"])]
    fleet: bool,

    /// The day to audit for, as YYYY-MM-DD: what expires next quarter [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = day::date)]
    as_of: Option<Date>,

    /// End with exit code 1 if there is a finding of these kinds, or of any: all
    #[arg(long, value_name = "KIND,..", value_delimiter = ',', value_parser = kind_or_all)]
    deny: Vec<KindOrAll>,

    /// Look for these kinds only
    #[arg(long, value_name = "KIND,..", value_delimiter = ',', value_enum, hide_possible_values = true)]
    only: Vec<Kind>,

    /// Do not look for these kinds
    #[arg(
        long,
        value_name = "KIND,..",
        value_delimiter = ',',
        value_enum,
        hide_possible_values = true,
        conflicts_with = "only"
    )]
    skip: Vec<Kind>,

    /// The findings that are known already, which --deny does not count: a kind and a flag a line
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Take what is mended off the baseline; if there is no such file yet, write all findings into one
    #[arg(long, requires = "baseline")]
    update_baseline: bool,

    /// Put findings together by who is asked to mend them, or by crate
    #[arg(long, value_enum)]
    by: Option<By>,

    /// How near a flag's last day is when it is `expiring`
    #[arg(long, value_name = "DAYS", value_parser = day::days, default_value = "30d")]
    expiring: i64,

    /// How long a flag is on or off for everybody when it is `fully-rolled-out`
    #[arg(long, value_name = "DAYS", value_parser = day::days, default_value = "14d")]
    rolled_out: i64,

    /// How long nobody evaluates a flag when it is `silent`
    #[arg(long, value_name = "DAYS", value_parser = day::days, default_value = "30d")]
    silent: i64,

    /// How long ago a flag was declared when it is `old`
    #[arg(long, value_name = "DAYS", value_parser = day::days, default_value = "180d")]
    old: i64,

    /// Annotate the run of a GitHub workflow with the findings, and write the summary of its job
    #[arg(long)]
    github: bool,

    /// How the findings are written
    #[arg(long, value_enum, default_value_t)]
    format: AuditFormat,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    /// For people
    #[default]
    Table,
    /// One JSON value
    Json,
    /// A report to post once a week
    Markdown,
    /// CSV with a header line, a line for each finding
    Csv,
    /// SARIF 2.1.0, for code-scanning tools
    Sarif,
    /// One self-contained HTML page of all flags
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KindOrAll {
    All,
    One(Kind),
}

/// How many days old a snapshot may be without a word.
const FRESH: i64 = 2;

fn kind_or_all(word: &str) -> Result<KindOrAll, String> {
    if word == "all" {
        return Ok(KindOrAll::All);
    }
    Kind::from_str(word, false).map(KindOrAll::One).map_err(|_| {
        let words = || Kind::ALL.iter().map(|kind| kind.word());
        let suggestion = crate::suggestion::did_you_mean(word, words());
        format!("there is no kind `{word}`{suggestion} (all, {})", words().collect::<Vec<_>>().join(", "))
    })
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.github && arguments.format != AuditFormat::Table {
        return Err(Failure::wrong("--github writes annotations beside a table: run once more for another --format"));
    }
    let kinds = kinds(arguments);
    let mut denied = BTreeSet::new();
    for word in &arguments.deny {
        match word {
            KindOrAll::All => denied.extend(&kinds),
            KindOrAll::One(kind) => drop(denied.insert(*kind)),
        }
    }
    if let Some(kind) = denied.difference(&kinds).next() {
        return Err(Failure::wrong(format!("--deny {kind} is of no use: --only or --skip leaves this kind out")));
    }
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    if let (Some(file), Some(baseline)) = (&arguments.baseline, &baseline)
        && !baseline.is_there()
        && !arguments.update_baseline
    {
        let file = file.display();
        return Err(Failure::wrong(format!(
            "there is no baseline {file}: --update-baseline writes one with all findings"
        )));
    }
    let evidence = evidence(arguments)?;
    let inventory = inventory(arguments, evidence.as_ref())?;
    let sources = Sources::here(&arguments.origin.packages);
    let mut audit = audit::audit(Question {
        inventory: &inventory,
        has_call_sites: !arguments.fleet,
        evidence: evidence.as_ref(),
        sources: &sources,
        kinds,
        denied: denied.clone(),
        as_of: arguments.as_of.unwrap_or_else(day::today),
        limits: Limits {
            expiring: arguments.expiring,
            rolled_out: arguments.rolled_out,
            silent: arguments.silent,
            old: arguments.old,
        },
        baseline: baseline.as_ref(),
    })?;
    // Of one package or program nothing tells what became of the flags of others.
    let Packages { package, bin, .. } = &arguments.origin.packages;
    if package.is_some() || !bin.is_empty() {
        audit.mended.retain(|line| line.split_once(' ').is_some_and(|(_, flag)| inventory.flag(flag).is_some()));
    }
    // What cannot be looked for is no clean report. `all` means all that can.
    let named =
        arguments.deny.iter().filter_map(|word| if let KindOrAll::One(kind) = word { Some(kind) } else { None });
    for kind in named {
        if let Some(why) = audit.not_asked.get(kind.word()) {
            return Err(Failure::wrong(format!("--deny {kind} cannot be told: {why}")));
        }
    }
    if let Some(baseline) = baseline.as_ref().filter(|_| arguments.update_baseline) {
        let is_new = !baseline.is_there();
        if audit.flags == 0 {
            return Err(Failure::wrong("--update-baseline: there is no flag here, so nothing tells what is mended"));
        }
        baseline.update(&audit.mended, &audit.findings)?;
        if !audit.mended.is_empty() {
            note(format_args!("taken off the baseline: {}", audit.mended.join(", ")));
        }
        audit.mended.clear();
        if is_new {
            audit.findings.iter_mut().for_each(|finding| (finding.is_known, finding.is_denied) = (true, false));
        }
    }
    let written = write(arguments, &mut audit, &sources);
    match (written, audit.denied().count()) {
        // Also where nobody reads the report to its end: a gate that somebody pipes is one all the same.
        (Ok(()) | Err(Failure::ReaderGone), count @ 1..) => Err(Failure::denied(denied_words(&audit, count))),
        (written, _) => written,
    }
}

fn kinds(arguments: &Arguments) -> BTreeSet<Kind> {
    let is_wanted =
        |kind: &Kind| (arguments.only.is_empty() || arguments.only.contains(kind)) && !arguments.skip.contains(kind);
    Kind::ALL.into_iter().filter(is_wanted).collect()
}

fn evidence(arguments: &Arguments) -> Result<Option<Evidence>, Failure> {
    if let Some(file) = &arguments.snapshot {
        let evidence = Evidence::of_file(file)?;
        let days = day::between(day::of_moment(evidence.at), day::today());
        if days > FRESH {
            let at = evidence.taken_at();
            warn(format_args!("the snapshot is {} old: what the server tells is of {at}", day::counted(days)));
        }
        return Ok(Some(evidence));
    }
    let Some(url) = &arguments.redis else {
        if arguments.fleet {
            return Err(Failure::wrong("--fleet takes --redis or --snapshot: only a server knows of builds"));
        }
        return Ok(None);
    };
    let redis = Some(url.clone()).filter(|url| !url.is_empty());
    let mut live = Live::open(&Server { redis, prefix: arguments.prefix.clone() })?;
    Evidence::of_server(&mut live).map(Some)
}

fn inventory(arguments: &Arguments, evidence: Option<&Evidence>) -> Result<Inventory, Failure> {
    let origin = &arguments.origin;
    if let (true, Some(evidence)) = (arguments.fleet, evidence) {
        if evidence.builds.is_none() {
            return Err(Failure::wrong("--fleet: the user may not read what builds tell"));
        }
        let flags = evidence.running().flat_map(|build| &build.flags);
        let inventory = Inventory::of_flags(flags.map(|record| record.get()));
        if inventory.flags.is_empty() {
            warn("no build that reports to the server has flags");
        }
        return Ok(inventory);
    }
    // No verb that talks to Redis builds anything.
    if arguments.redis.is_none() || !origin.artifact.is_empty() {
        let inventory = cargo::inventory(origin)?;
        if inventory.flags.is_empty() {
            warn("no flags are recorded there");
        }
        return Ok(inventory);
    }
    cargo::inventory_of_last_build(&origin.packages, ", or audit what reports to the server by --fleet")
}

fn write(arguments: &Arguments, audit: &mut Audit<'_>, sources: &Sources) -> Result<(), Failure> {
    let by = arguments.by;
    if let Some(by) = by {
        audit.group(by);
    }
    if arguments.github {
        report::print_text(&github::annotations(audit, sources))?;
    }
    let written = report(arguments.format, by, audit, sources);
    if matches!(arguments.format, AuditFormat::Table | AuditFormat::Csv | AuditFormat::Sarif) {
        post::notes(audit).iter().for_each(note);
    }
    written?;
    if arguments.github {
        let by = by.unwrap_or(By::Owner);
        audit.group(by);
        github::summarize(audit, by)?;
    }
    Ok(())
}

fn report(format: AuditFormat, by: Option<By>, audit: &mut Audit<'_>, sources: &Sources) -> Result<(), Failure> {
    match format {
        AuditFormat::Json => report::print(ListFormat::Json, &table::findings(audit, by), &audit),
        AuditFormat::Csv => report::print(ListFormat::Csv, &table::findings(audit, by), &()),
        AuditFormat::Sarif => {
            report::print(ListFormat::Json, &table::findings(audit, by), &sarif::sarif(audit, sources))
        }
        AuditFormat::Html => report::print_text(&page::page(audit)),
        AuditFormat::Markdown => {
            let by = by.unwrap_or(By::Owner);
            audit.group(by);
            report::print_text(&post::post(audit, by, usize::MAX))
        }
        AuditFormat::Table => {
            let groups = by.map(|by| table::groups(audit, by));
            let parts: Vec<_> = groups.into_iter().chain([table::findings(audit, by)]).collect();
            report::print_parts(report::Format::Table, &parts, &report::visible(&audit.summary()), &())
        }
    }
}

fn denied_words(audit: &Audit<'_>, count: usize) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for finding in audit.denied() {
        *counts.entry(finding.kind.word()).or_insert(0) += 1;
    }
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb} denied: {}", audit::counted(count, "finding", "findings"), audit::kinds(&counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_by_its_word_and_others_are_answered_with_the_nearest() {
        assert_eq!(kind_or_all("all"), Ok(KindOrAll::All));
        assert_eq!(kind_or_all("no-owner"), Ok(KindOrAll::One(Kind::NoOwner)));
        let error = kind_or_all("no_owner").unwrap_err();
        assert!(error.contains("did you mean `no-owner`?") && error.contains("never-expires"), "{error}");
    }
}
