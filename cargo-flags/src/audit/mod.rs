//! Audit: what is wrong with flags, by what their code says, what a server knows, and how old they are.
//!
//! `kind` says what there is to find, `subject` what is looked at, `code`, `live`, `rolled_out` and `ages` look; `baseline` knows what is
//! known. The rest writes it down: `table` for terminals, `post` for a weekly message, `page` for a browser, `github` and `sarif`
//! for machines.

mod ages;
mod baseline;
mod builds;
mod code;
mod finding;
pub(crate) mod github;
mod kind;
mod live;
pub(crate) mod page;
pub(crate) mod post;
mod rolled_out;
pub(crate) mod sarif;
mod subject;
pub(crate) mod table;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Serialize;

pub(crate) use self::baseline::Baseline;
use self::builds::Builds;
pub(crate) use self::finding::{Finding, Place};
pub(crate) use self::kind::{Kind, Needs};
use self::subject::Flag;
pub(crate) use self::subject::{Limits, Subject};
use crate::artifact::Inventory;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::sources::Sources;

/// What is to be looked for, and where.
pub(crate) struct Question<'a> {
    pub(crate) inventory: &'a Inventory,
    /// Whether the inventory is of files, which have call sites.
    pub(crate) has_call_sites: bool,
    pub(crate) evidence: Option<&'a Evidence>,
    pub(crate) sources: &'a Sources,
    pub(crate) kinds: BTreeSet<Kind>,
    pub(crate) denied: BTreeSet<Kind>,
    pub(crate) as_of: Date,
    pub(crate) limits: Limits,
    pub(crate) baseline: Option<&'a Baseline>,
}

/// The answer, as it is written in JSON.
#[derive(Serialize)]
pub(crate) struct Audit<'a> {
    pub(crate) as_of: String,
    /// How many flags were looked at, and how many places that read them.
    pub(crate) flags: usize,
    pub(crate) call_sites: usize,
    /// The server whose documents were looked at.
    pub(crate) server: Option<&'a str>,
    /// How many findings of each kind that was looked for.
    pub(crate) kinds: BTreeMap<&'static str, usize>,
    /// When it was asked.
    pub(crate) server_at: Option<String>,
    /// The kinds that could not be looked for, or not everywhere, and why.
    pub(crate) not_asked: BTreeMap<&'static str, String>,
    /// The worst first.
    pub(crate) findings: Vec<Finding>,
    /// The packages whose flags are in none of the programs.
    pub(crate) unlinked: &'a BTreeSet<String>,
    /// Lines of the baseline that nothing was found of any more.
    pub(crate) mended: Vec<String>,
    /// Findings by owner or package, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<Group>>,
    #[serde(skip)]
    pub(crate) subject: Subject<'a>,
}

/// The findings of one owner or package, counted.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) findings: usize,
    pub(crate) kinds: BTreeMap<&'static str, usize>,
}

/// What findings are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// Who is asked to mend them
    Owner,
    /// The package that declares the flag
    Crate,
}

impl By {
    /// What a finding belongs to.
    pub(crate) fn name(self, finding: &Finding) -> &str {
        match self {
            Self::Owner => finding.owner.as_deref().unwrap_or("(no owner)"),
            Self::Crate => finding.package.as_deref().unwrap_or("(no crate)"),
        }
    }
}

/// Looks for everything that was asked for.
pub(crate) fn audit(question: Question<'_>) -> Result<Audit<'_>, Failure> {
    let Question { inventory, has_call_sites, evidence, sources, kinds, denied, as_of, limits, baseline } = question;
    let mut flags = Flag::of(inventory);
    ages::by_declaration(&mut flags);
    let no_ages = if kinds.contains(&Kind::Old) { ages::by_git(&mut flags, sources)? } else { None };
    let why_not = |kind: Kind| match kind.needs() {
        Needs::Evidence if evidence.is_none() => Some("it takes --redis or --snapshot".to_owned()),
        Needs::Evidence => evidence.and_then(|evidence| missing(kind, evidence)).map(str::to_owned),
        Needs::CallSites if !has_call_sites => Some("only files tell who reads a flag".to_owned()),
        Needs::Ages => no_ages.clone(),
        Needs::Nothing | Needs::CallSites => None,
    };
    let mut not_asked = BTreeMap::new();
    let mut asked = BTreeSet::new();
    for kind in kinds {
        let why = why_not(kind);
        if why.is_none() {
            asked.insert(kind);
        }
        if let Some(why) = why.or_else(|| in_part(kind, &flags, evidence)) {
            not_asked.insert(kind.word(), why);
        }
    }
    let evidence = evidence.map(|evidence| (evidence, Builds::of(evidence)));
    let subject = Subject { flags, evidence, as_of, limits };
    let mut findings: Vec<_> = asked.iter().flat_map(|kind| findings(*kind, &subject)).collect();
    for finding in &mut findings {
        finding.is_known = baseline.is_some_and(|baseline| baseline.has(finding));
        finding.is_denied = denied.contains(&finding.kind) && !finding.is_known;
    }
    findings.sort_by_cached_key(urgency);
    let counted = |kind: &Kind| (kind.word(), findings.iter().filter(|finding| finding.kind == *kind).count());
    Ok(Audit {
        as_of: as_of.to_string(),
        flags: subject.flags.len(),
        call_sites: inventory.site_count(),
        server_at: subject.evidence.as_ref().map(|(evidence, _)| evidence.taken_at()),
        server: subject.evidence.as_ref().map(|(evidence, _)| &*evidence.server),
        kinds: asked.iter().map(counted).collect(),
        not_asked,
        unlinked: &inventory.unlinked,
        mended: baseline.map(|baseline| baseline.mended(&asked, &findings)).unwrap_or_default(),
        groups: None,
        findings,
        subject,
    })
}

impl Audit<'_> {
    /// Counts the findings by owner or package, the most first.
    pub(crate) fn group(&mut self, by: By) {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for finding in &self.findings {
            let name = by.name(finding);
            let empty = || Group { name: name.to_owned(), findings: 0, kinds: BTreeMap::new() };
            let group = groups.entry(name).or_insert_with(empty);
            group.findings += 1;
            *group.kinds.entry(finding.kind.word()).or_default() += 1;
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|one, other| other.findings.cmp(&one.findings).then_with(|| one.name.cmp(&other.name)));
        self.groups = Some(groups);
    }

    /// The findings that are denied.
    pub(crate) fn denied(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_denied)
    }

    /// All of it in one line.
    pub(crate) fn summary(&self) -> String {
        let about: BTreeSet<_> = self.findings.iter().map(|finding| (&finding.package, &finding.flag)).collect();
        let (flags, others): (Vec<_>, Vec<_>) = about.into_iter().partition(|(package, _)| package.is_some());
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {}", counted(count, "document of nobody", "documents of nobody")),
        };
        let findings = counted(self.findings.len(), "finding", "findings");
        let all = counted(self.flags, "flag", "flags");
        let known = self.findings.iter().filter(|finding| finding.is_known).count();
        let known = if known > 0 { format!(", {known} of them known") } else { String::new() };
        if self.findings.is_empty() {
            return format!("no findings in {all} as of {}", self.as_of);
        }
        let about = format!("{findings} about {} of {all}{others}", flags.len());
        format!("{about} as of {}{known}: {}", self.as_of, kinds(&self.kinds))
    }
}

/// `3 expired, 1 drift`, the worst first.
pub(crate) fn kinds(counts: &BTreeMap<&'static str, usize>) -> String {
    let of = |kind: &Kind| counts.get(kind.word()).filter(|count| **count > 0).map(|count| format!("{count} {kind}"));
    Kind::ALL.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn findings(kind: Kind, subject: &Subject<'_>) -> Vec<Finding> {
    match kind.needs() {
        Needs::Evidence => live::findings(kind, subject),
        Needs::Nothing | Needs::CallSites | Needs::Ages => code::findings(kind, subject),
    }
}

const UNREADABLE: &str = "the user may not read what processes tell";
/// How many flags a reason names.
const NAMED: usize = 3;

/// Why a kind cannot be looked for at all: what it takes the server did not tell.
fn missing(kind: Kind, evidence: &Evidence) -> Option<&'static str> {
    match kind {
        Kind::NoContext if evidence.processes.is_none() => Some(UNREADABLE),
        Kind::Silent if evidence.seen.is_none() || evidence.builds.is_none() => Some(UNREADABLE),
        Kind::Undeclared if evidence.builds.is_none() => Some(UNREADABLE),
        Kind::Undeclared if evidence.builds.iter().flatten().next().is_none() => {
            Some("no build reports to the server, so documents of other services would look like nobody's")
        }
        _ => None,
    }
}

/// Why a kind can be looked for in a part only.
fn in_part(kind: Kind, flags: &[Flag<'_>], evidence: Option<&Evidence>) -> Option<String> {
    let those = |is: &dyn Fn(&Flag<'_>) -> bool, why: &str| {
        let names: Vec<_> = flags.iter().filter(|flag| is(flag)).map(|flag| &*flag.record.name).collect();
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then(|| format!("{why} {shown}{more}"))
    };
    match kind {
        Kind::Old => {
            those(&|flag| flag.since.is_none() && !flag.is_long_lived(), "neither `created` nor git tells the age of")
        }
        Kind::NoOwner | Kind::NeverExpires => {
            those(&|flag| !flag.is_whole(), "FLAGS_EMBED=names leaves it out of the records of")
        }
        Kind::Drift if evidence.is_some_and(|told| told.processes.is_none() || told.builds.is_none()) => {
            Some(format!("by documents alone: {UNREADABLE}"))
        }
        _ => None,
    }
}

/// What findings are sorted by: the worst kind first, and of one kind what is overdue for longest.
fn urgency(finding: &Finding) -> impl Ord + use<> {
    let Finding { kind, expires, age_days, flag, package, .. } = finding;
    let by_date = matches!(kind, Kind::Expired | Kind::Expiring).then(|| expires.clone()).flatten();
    (*kind, by_date, std::cmp::Reverse(age_days.unwrap_or(0)), flag.clone(), package.clone())
}
