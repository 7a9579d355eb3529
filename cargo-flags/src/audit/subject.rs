//! Subject: what an audit looks at: flags with their places and ages, what a server knows, and the day.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::builds::Builds;
use super::finding::{Finding, Place};
use super::kind::Kind;
use crate::artifact::{FlagRecord, Inventory};
use crate::day;
use crate::evidence::Evidence;

/// All that an audit goes by.
pub(crate) struct Subject<'a> {
    pub(crate) flags: Vec<Flag<'a>>,
    /// What a server knows, and of that what its builds tell of each flag.
    pub(crate) evidence: Option<(&'a Evidence, Builds)>,
    pub(crate) as_of: Date,
    pub(crate) limits: Limits,
}

/// One flag of one package: its declarations in all files, which differ where the files are of different builds.
pub(crate) struct Flag<'a> {
    /// What its declarations say, the first in order of version and place.
    pub(crate) record: &'a FlagRecord,
    pub(crate) records: Vec<&'a FlagRecord>,
    pub(crate) declared: Vec<Place>,
    pub(crate) call_sites: Vec<Place>,
    pub(crate) is_read: bool,
    /// When it was declared, where that is known.
    pub(crate) since: Option<Date>,
}

/// From when on something is a finding, in days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) expiring: i64,
    pub(crate) rolled_out: i64,
    pub(crate) silent: i64,
    pub(crate) old: i64,
}

impl Subject<'_> {
    /// A finding about one flag.
    pub(super) fn finding(&self, kind: Kind, flag: &Flag<'_>, message: String, fix: String) -> Finding {
        let record = flag.record;
        Finding {
            kind,
            flag: record.name.clone(),
            key: record.key().to_owned(),
            owner: record.owner.clone(),
            package: Some(record.package.clone()),
            declared: flag.declared.clone(),
            call_sites: flag.call_sites.clone(),
            expires: record.expires.clone(),
            age_days: flag.age(self.as_of),
            since: None,
            message,
            fix,
            is_known: false,
            is_denied: false,
        }
    }
}

impl<'a> Flag<'a> {
    /// The flags of files, sorted by name and package.
    pub(crate) fn of(inventory: &'a Inventory) -> Vec<Self> {
        let mut by_name: BTreeMap<(&str, &str), Vec<&FlagRecord>> = BTreeMap::new();
        for flag in &inventory.flags {
            by_name.entry((&flag.name, &flag.package)).or_default().push(flag);
        }
        let flags = by_name.into_values().filter_map(|records| {
            let record = *records.first()?;
            let declared = records.iter().filter_map(|flag| place(flag.file.as_deref(), flag.line, flag.column));
            // Other versions of the same package declare it elsewhere, and mean the same.
            let is_alone = inventory.declared(&record.name).iter().all(|flag| flag.package == record.package);
            let sites: Vec<_> = if is_alone {
                inventory.sites(&record.name).iter().collect()
            } else {
                records.iter().flat_map(|flag| inventory.sites_of(flag)).collect()
            };
            let call_sites = sites.iter().filter_map(|site| place(site.file.as_deref(), site.line, site.column));
            Some(Self {
                record,
                declared: each_once(declared),
                call_sites: each_once(call_sites),
                is_read: !sites.is_empty(),
                since: None,
                records,
            })
        });
        flags.collect()
    }

    /// How many days ago it was declared, where that is known and not later than the day of the audit.
    pub(crate) fn age(&self, as_of: Date) -> Option<i64> {
        self.since.map(|since| day::between(since, as_of)).filter(|days| *days >= 0)
    }

    /// Whether its records tell where it is and whose; those that were built with `FLAGS_EMBED=names` do not.
    pub(crate) fn is_whole(&self) -> bool {
        self.record.file.is_some()
    }

    /// Whether a provider decides it, in all of its builds: what its document says is for when that does not know the flag.
    pub(crate) fn is_decided_elsewhere(&self) -> bool {
        self.records.iter().all(|record| record.provider.is_some())
    }

    /// Whether it is meant to stay: an operator's switch or a permission that is declared never to expire.
    pub(crate) fn is_long_lived(&self) -> bool {
        let stays = matches!(self.record.kind.as_deref(), Some("ops" | "permission"));
        stays && self.record.never.is_some()
    }
}

fn place(file: Option<&str>, line: Option<u32>, column: Option<u32>) -> Option<Place> {
    Some(Place { file: file?.to_owned(), line, column })
}

fn each_once(places: impl Iterator<Item = Place>) -> Vec<Place> {
    let mut places: Vec<_> = places.collect();
    places.sort();
    places.dedup();
    places
}
