//! Known names: which document a name stands for, and whether there is such a flag at all.
//!
//! A misspelt name would write a document that nobody reads, which looks like success. The name is checked against the
//! files that were given; or else against what the builds that run have told Redis, then against what the package's last
//! build left, and then against the documents that exist. Declarations come first because only they know of a key that is
//! not the name. Nothing is ever built for it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use flags_runtime::source::redis::Prefix;
use flags_runtime::source::redis::admin::Admin;

use crate::artifact::{FlagRecord, Inventory};
use crate::failure::{Failure, warn};
use crate::suggestion::did_you_mean;
use crate::workspace;

/// The flag that a name stands for.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// The key of its document, without prefix: it differs from the name where the declaration says so.
    pub(crate) key: String,
    /// The declaration, where a file at hand has it.
    pub(crate) declared: Option<FlagRecord>,
    /// Why nobody can say that there is such a flag, where the verb went ahead all the same.
    pub(crate) doubt: Option<&'static str>,
}

/// What a verb needs to know before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The verb makes nothing worse by acting on a name that nobody can check: a kill must not wait for a build.
    NothingAtAll,
    /// The name must be known, unless the operator forces it.
    Name,
    /// The name must be known, and since nothing is written there is nothing to force.
    NameToRead,
}

/// How many builds are asked, the latest first.
const BUILDS: usize = 50;

/// The doubt about a name where all that could know it was asked.
const KNOWN_TO_NOBODY: &str = "no build, artifact or document knows this name";

/// Refuses a key, as it stands in the output of `KEYS`, where a name belongs: it would become the key of a key.
pub(crate) fn refuse_key(prefix: &Prefix, name: &str) -> Result<(), Failure> {
    match prefix.name_of(name.as_bytes()) {
        None => Ok(()),
        Some("") => Err(Failure::wrong(format!("`{name}` is what keys begin with: write the name of a flag"))),
        Some(rest) => Err(Failure::wrong(format!("`{name}` is the key: write `{rest}`"))),
    }
}

/// Finds the flag of a name.
pub(crate) fn target(
    admin: &mut Admin,
    artifacts: &[PathBuf],
    name: &str,
    need: Need,
    is_forced: bool,
) -> Result<Target, Failure> {
    if !artifacts.is_empty() {
        let inventory = Inventory::of(artifacts)?;
        let suggestion = inventory.did_you_mean(name);
        return match declared(inventory, name) {
            Some(target) => Ok(target),
            None if is_forced => {
                warn(format_args!("the given files declare no flag `{name}`{suggestion}"));
                Ok(undeclared(name, Some("the given files do not declare this name")))
            }
            None => Err(unknown(name, "the given files declare", &suggestion, need)),
        };
    }
    let reported = reported(admin);
    let mut known: Vec<String> = reported.flags.iter().map(|flag| flag.name.clone()).collect();
    if let Some(target) = declared(reported, name) {
        return Ok(target);
    }
    let has_reports = !known.is_empty();
    let built = Inventory::of_readable(&workspace::already_built());
    let has_built = !built.flags.is_empty();
    known.extend(built.flags.iter().map(|flag| flag.name.clone()));
    let suggestion = did_you_mean(name, known.iter().map(String::as_str));
    if let Some(target) = declared(built, name) {
        return Ok(target);
    }
    if admin.get(name)?.is_some() || is_in_force(admin, name) {
        return Ok(undeclared(name, None));
    }
    if has_reports || has_built {
        let where_ = match (has_reports, has_built) {
            (false, _) => "there is no document of that name, and this package's last build declares",
            (true, false) => "there is no document of that name, and the builds that report to this server declare",
            (true, true) => {
                "there is no document of that name, and the builds that report to this server and this package's last one \
                 declare"
            }
        };
        if is_forced {
            warn(format_args!("{where_} no flag `{name}`{suggestion}"));
            return Ok(undeclared(name, Some(KNOWN_TO_NOBODY)));
        }
        return Err(unknown(name, where_, &suggestion, need));
    }
    let cannot_check = || {
        format!(
            "nothing here can check whether there is a flag `{name}`: it has no document, and there is no built package \
             at hand; name a built file by --artifact"
        )
    };
    match need {
        Need::NothingAtAll => {
            warn(format_args!(
                "there was no document of `{name}`, and nothing here can check the name: if it is misspelt, the flag that \
                 was meant is as it was; going ahead"
            ));
            Ok(undeclared(name, Some(KNOWN_TO_NOBODY)))
        }
        Need::Name if is_forced => Ok(undeclared(name, Some(KNOWN_TO_NOBODY))),
        Need::Name => Err(Failure::wrong(format!("{}, or go ahead by --force", cannot_check()))),
        Need::NameToRead => Err(Failure::wrong(cannot_check())),
    }
}

/// What builds told of their flags. Who may not read that knows what was known before there were any; what else is wrong
/// with the server the next command tells.
fn reported(admin: &mut Admin) -> Inventory {
    let builds = admin.builds(BUILDS).map(|found| found.items).unwrap_or_default();
    Inventory::of_flags(builds.iter().flat_map(|build| &build.flags).map(String::as_str))
}

/// Whether a process has this flag. Asked last: there may be a thousand.
fn is_in_force(admin: &mut Admin, key: &str) -> bool {
    admin.fleet().is_ok_and(|found| found.items.iter().any(|process| process.flags.contains_key(key)))
}

fn declared(inventory: Inventory, name: &str) -> Option<Target> {
    let (mut found, others): (Vec<_>, Vec<_>) = inventory.flags.into_iter().partition(|flag| flag.name == name);
    if found.is_empty() {
        found.extend(others.into_iter().find(|flag| flag.key() == name));
    }
    // An older build may not have had the key yet.
    let at = found.iter().position(|flag| flag.key.is_some()).unwrap_or(0);
    let keys: BTreeSet<_> = found.iter().map(|flag| format!("`{}`", flag.key())).collect();
    if keys.len() > 1 {
        let keys = keys.into_iter().collect::<Vec<_>>().join(" and ");
        let key = found[at].key();
        warn(format_args!("the built files differ about the key of `{name}` ({keys}): `{key}` is taken"));
    }
    let declared = found.into_iter().nth(at)?;
    Some(Target { name: declared.name.clone(), key: declared.key().to_owned(), declared: Some(declared), doubt: None })
}

fn undeclared(name: &str, doubt: Option<&'static str>) -> Target {
    Target { name: name.to_owned(), key: name.to_owned(), declared: None, doubt }
}

fn unknown(name: &str, where_: &str, suggestion: &str, need: Need) -> Failure {
    // What was built knows nothing of what was written since.
    let hint = match need {
        Need::NameToRead => "build again if it is new",
        Need::NothingAtAll | Need::Name => "build again if it is new; --force goes ahead",
    };
    Failure::wrong(format!("{where_} no flag `{name}`{suggestion} ({hint})"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn key_of(name: &str, records: &[&str]) -> Option<String> {
        declared(Inventory::of_flags(records.iter().copied()), name).map(|target| target.key)
    }

    #[test]
    fn a_name_goes_before_a_key_and_a_build_with_a_key_before_one_without() {
        let (x, x_with_key, other) = (r#"{"name":"x"}"#, r#"{"name":"x","key":"X"}"#, r#"{"name":"other","key":"x"}"#);
        assert_eq!(key_of("x", &[x, x_with_key]).as_deref(), Some("X"));
        assert_eq!(key_of("x", &[other, x_with_key]).as_deref(), Some("X"));
        assert_eq!(key_of("x", &[other]).as_deref(), Some("x"));
        assert_eq!(key_of("y", &[other]), None);
    }
}
