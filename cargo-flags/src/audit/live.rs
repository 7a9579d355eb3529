//! What a server tells: documents beside declarations, how long they have been what they are, and who goes by them.

use std::collections::{BTreeMap, BTreeSet};

use super::builds::{self, Builds};
use super::finding::{Finding, Since};
use super::kind::Kind;
use super::rolled_out::{everybody, fully_rolled_out};
use super::subject::{Flag, Subject};
use crate::day;
use crate::evidence::{Evidence, FlagThere, Process};
use crate::fit;
use crate::other_engines;
use crate::report::shell_word;

const DAY: i64 = 24 * 60 * 60;
/// How many processes or services a sentence names.
const MOST: usize = 3;

/// The findings of one kind; none for kinds that the code tells.
pub(super) fn findings(kind: Kind, subject: &Subject<'_>) -> Vec<Finding> {
    let Some((evidence, builds)) = &subject.evidence else { return Vec::new() };
    let nobodys = match kind {
        Kind::Undeclared => undeclared(subject, evidence, builds),
        Kind::Unshareable => unshareable_of_nobody(subject, evidence),
        _ => Vec::new(),
    };
    let told = |flag| -> Vec<Told> {
        match kind {
            Kind::Drift => drift(flag, evidence, builds),
            Kind::Unshareable => unshareable(flag, evidence),
            Kind::NoContext => no_context(flag, evidence).into_iter().collect(),
            Kind::Silent => silent(flag, subject, evidence, builds).into_iter().collect(),
            Kind::FullyRolledOut => fully_rolled_out(flag, subject, evidence).into_iter().collect(),
            Kind::Undocumented => undocumented(flag, evidence).into_iter().collect(),
            _ => Vec::new(),
        }
    };
    let of_flag = |flag| {
        let told = told(flag);
        let (first, more) = told.split_first()?;
        // One finding for each flag and kind, so that a baseline counts flags.
        let message = more.iter().fold(first.message.clone(), |all, next| format!("{all}; {}", next.message));
        let mut finding = subject.finding(kind, flag, message, first.fix.clone());
        finding.since.clone_from(&first.since);
        Some(finding)
    };
    nobodys.into_iter().chain(subject.flags.iter().filter_map(of_flag)).collect()
}

/// What is told of one flag.
pub(super) struct Told {
    pub(super) message: String,
    pub(super) fix: String,
    pub(super) since: Option<Since>,
}

impl Told {
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into(), since: None }
    }
}

pub(super) fn key<'a>(flag: &Flag<'a>) -> &'a str {
    flag.record.key()
}

fn undeclared(subject: &Subject<'_>, evidence: &Evidence, builds: &Builds) -> Vec<Finding> {
    let here = subject.flags.iter().flat_map(|flag| &flag.records).map(|record| record.key());
    let there = evidence.processes.iter().flatten().flat_map(|process| process.flags.keys()).map(String::as_str);
    let known: BTreeSet<&str> = here.chain(there).collect();
    let is_unknown = |key: &&String| !known.contains(&***key) && !builds.know(key);
    let documents = evidence.documents.keys().filter(is_unknown).map(|key| {
        let fix = format!("`cargo flags delete {}`, unless services in other languages read it", shell_word(key));
        of_nobody(Kind::Undeclared, key, "a document that no flag here and none of a build that reports reads", fix)
    });
    let others = evidence.other_types.iter().filter(is_unknown).map(|key| {
        let fix =
            format!("delete it or rename it: `redis-cli DEL {}`", shell_word(&format!("{}{key}", evidence.prefix)));
        of_nobody(Kind::Undeclared, key, "no document but another type stands at this key", fix)
    });
    documents.chain(others).collect()
}

/// Documents that none of the flags here has, and on which services in other languages fail.
fn unshareable_of_nobody(subject: &Subject<'_>, evidence: &Evidence) -> Vec<Finding> {
    let here: BTreeSet<&str> = subject.flags.iter().flat_map(|flag| &flag.records).map(|record| record.key()).collect();
    let others = evidence.documents.keys().filter(|key| !here.contains(&***key));
    let finding = |key: &String| {
        let stored = evidence.document(key)?;
        let complaints = match stored.parse() {
            Ok(document) => other_engines::complaints(key, key, &document),
            Err(error) => {
                vec![format!("every reader refuses the document: {error}; Python services load no other flag either")]
            }
        };
        let fix = format!("mend it, or `cargo flags delete {}`", shell_word(key));
        (!complaints.is_empty()).then(|| of_nobody(Kind::Unshareable, key, &complaints.join("; "), fix))
    };
    others.filter_map(finding).collect()
}

/// A finding about what is in the server and in none of the files.
fn of_nobody(kind: Kind, key: &str, message: &str, fix: String) -> Finding {
    Finding {
        kind,
        flag: key.to_owned(),
        key: key.to_owned(),
        owner: None,
        package: None,
        declared: Vec::new(),
        call_sites: Vec::new(),
        expires: None,
        age_days: None,
        since: None,
        message: message.to_owned(),
        fix,
        is_known: false,
        is_denied: false,
    }
}

fn undocumented(flag: &Flag<'_>, evidence: &Evidence) -> Option<Told> {
    // A provider's flag needs no document.
    if flag.is_decided_elsewhere() {
        return None;
    }
    let is_missing = !evidence.documents.contains_key(key(flag)) && !has_other_type(flag, evidence);
    let default = flag.record.default_text().map(|default| format!(", {default}")).unwrap_or_default();
    let name = &flag.record.name;
    is_missing.then(|| {
        Told::new(
            format!("has no document: everybody gets the declared default{default}"),
            format!("`cargo flags on {name}` or `off {name}`; or remove the flag"),
        )
    })
}

fn drift(flag: &Flag<'_>, evidence: &Evidence, builds: &Builds) -> Vec<Told> {
    let mut told = Vec::new();
    let name = &flag.record.name;
    if let Some(why) = misfit(flag, evidence) {
        let has_trail = evidence.trail.iter().flatten().any(|write| write.key == key(flag));
        let back =
            if has_trail { format!("; `cargo flags rollback {name}` puts the one before back") } else { String::new() };
        told.push(Told::new(why, format!("look at it by `cargo flags get {name}`, and write one that fits{back}")));
    }
    if has_other_type(flag, evidence) {
        let key = shell_word(&format!("{}{}", evidence.prefix, key(flag)));
        told.push(Told::new(
            "no document but another type stands at its key: services keep their last decision",
            format!("delete it or rename it: `redis-cli DEL {key}`"),
        ));
    }
    let sha = evidence.document(key(flag)).map(|stored| stored.short_sha());
    let there: Vec<_> = processes(flag, evidence).collect();
    let place = |(process, _): &(&Process, _)| format!("{}/{}", process.host, process.pid);
    // What they refused before is not what is there now.
    let refuses_it = |flag: &FlagThere| flag.refused.is_some() && flag.refused_sha == sha && sha.is_some();
    let refusing: Vec<_> = there.iter().filter(|(_, flag)| refuses_it(flag)).collect();
    if let Some((_, first)) = refusing.first() {
        let (named, why) = (named(refusing.iter().map(|one| place(one))), first.refused.clone().unwrap_or_default());
        told.push(Told::new(
            format!("{} of {} processes refuse its document ({named}): {why}", refusing.len(), there.len()),
            format!("see who by `cargo flags fleet {name}`"),
        ));
    }
    let unread: Vec<_> = there.iter().filter(|(_, flag)| flag.override_refused.is_some()).collect();
    if let Some((_, first)) = unread.first() {
        let (named, why) =
            (named(unread.iter().map(|one| place(one))), first.override_refused.clone().unwrap_or_default());
        told.push(Told::new(
            format!(
                "the override file's document is refused in {} of {} processes ({named}): {why}",
                unread.len(),
                there.len()
            ),
            "mend the override file",
        ));
    }
    let overridden: Vec<_> = there.iter().filter(|(_, flag)| flag.is_overridden).collect();
    if !overridden.is_empty() {
        let named = named(overridden.iter().map(|one| place(one)));
        told.push(Told::new(
            format!("an override file answers in {} of {} processes ({named})", overridden.len(), there.len()),
            match &flag.record.provider {
                Some(provider) => format!("take it out of the override file when {provider} says the same"),
                None => "take it out of the override file when the document says the same".to_owned(),
            },
        ));
    }
    told.extend(differing(flag, builds));
    told
}

/// Why services refuse the document that is there; none if they take it, or there is none.
pub(super) fn misfit(flag: &Flag<'_>, evidence: &Evidence) -> Option<String> {
    let stored = evidence.document(key(flag))?;
    let document = match stored.parse() {
        Ok(document) => document,
        Err(error) => return Some(format!("every reader refuses the document: {error}")),
    };
    let value = document.value.map_or("null", |value| value.get());
    // An alias is known to the program alone.
    let misfit = fit::fits(flag.record, value).err().filter(|misfit| !misfit.may_be_alias);
    misfit.map(|misfit| misfit.message)
}

fn has_other_type(flag: &Flag<'_>, evidence: &Evidence) -> bool {
    evidence.other_types.iter().any(|other| other == key(flag))
}

/// Builds that disagree about one flag: a document that suits one of them may not suit the other.
fn differing(flag: &Flag<'_>, builds: &Builds) -> Option<Told> {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for record in &flag.records {
        said.entry(builds::shape(record)).or_insert_with(|| format!("{} {}", record.package, record.version));
    }
    for (shape, who) in builds.shapes(&flag.record.name) {
        said.entry(shape.clone()).or_insert_with(|| who.clone());
    }
    let differ = said.iter().map(|(shape, who)| format!("{who} has {shape}")).collect::<Vec<_>>().join(", ");
    (said.len() > 1).then(|| Told::new(format!("builds differ about it: {differ}"), "deploy the older one anew"))
}

fn unshareable(flag: &Flag<'_>, evidence: &Evidence) -> Vec<Told> {
    let Some(stored) = evidence.document(key(flag)) else { return Vec::new() };
    let Ok(document) = stored.parse() else { return Vec::new() };
    let name = &flag.record.name;
    let fix = format!(
        "write it anew: any verb of `cargo flags` does, for example `on {name}`, with --force if it drops fields"
    );
    let complaints = other_engines::complaints(name, key(flag), &document);
    complaints.into_iter().map(|complaint| Told::new(complaint, fix.clone())).collect()
}

fn no_context(flag: &Flag<'_>, evidence: &Evidence) -> Option<Told> {
    // The counts are of all documents since the start: where everybody gets the same by now, none is missing any more.
    let stored = evidence.document(key(flag))?;
    if everybody(&stored.parse().ok()?).is_some() {
        return None;
    }
    let there = processes(flag, evidence).filter(|(_, flag)| flag.missing_keys > 0);
    let there: Vec<_> = there.map(|(process, flag)| (process.service.clone(), flag.missing_keys)).collect();
    let reads: u64 = there.iter().map(|(_, reads)| reads).fold(0, |sum, reads| sum.saturating_add(*reads));
    let services: BTreeSet<_> = there.iter().map(|(service, _)| service.clone()).collect();
    (reads > 0).then(|| {
        Told::new(
            format!("{reads} reads without a targeting key since the start of {}", named(services.into_iter())),
            "hand `flag!` a context, or set the ambient one where the request begins; a new task inherits it by `carry` only",
        )
    })
}

fn silent(flag: &Flag<'_>, subject: &Subject<'_>, evidence: &Evidence, builds: &Builds) -> Option<Told> {
    let (seen, window) = (evidence.seen.as_ref()?, subject.limits.silent);
    let start = evidence.at - window * DAY;
    let last = seen.get(key(flag)).copied();
    if last.is_some_and(|last| last >= start) || !builds.cover(key(flag), start) {
        return None;
    }
    let message = match last {
        Some(last) => format!("last evaluated on {}", day::of_moment(last)),
        None => format!("not evaluated for {} or more, as far as anybody remembers", day::counted(window)),
    };
    Some(Told::new(message, "remove it if nobody needs the code behind it; else find out why that never runs"))
}

/// The processes that know the flag.
fn processes<'a>(flag: &Flag<'a>, evidence: &'a Evidence) -> impl Iterator<Item = (&'a Process, &'a FlagThere)> {
    let key = key(flag);
    evidence.processes.iter().flatten().filter_map(move |process| Some((process, process.flags.get(key)?)))
}

fn named(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}
