//! Artifact: what built files record about flags, read by the parser that the runtime uses on itself.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use flags_runtime::registry::introspect::{self, Record, RecordKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::suggestion;

/// The records of one or more files: their union, sorted, each once.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Every record, as the files carry it: by flag, the declaration before its sites.
    pub(crate) records: Vec<Record>,
    /// The declarations among them.
    pub(crate) flags: Vec<FlagRecord>,
    /// The records again, file by file: what is linked together.
    files: Vec<Vec<Record>>,
    /// The Rust libraries whose flags are in none of the programs, by package; none if there is no program at all.
    pub(crate) unlinked: BTreeSet<String>,
}

/// How many places read a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallSites {
    pub(crate) count: usize,
    /// The name is declared more than once, and nothing tells which of these flags the places read.
    pub(crate) is_by_name: bool,
}

/// A flag's record. Fields are missing where the file was built with `FLAGS_EMBED=names`.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagRecord {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    #[serde(rename = "pkg", default)]
    pub(crate) package: String,
    #[serde(rename = "ver", default)]
    pub(crate) version: String,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    #[serde(rename = "col")]
    pub(crate) column: Option<u32>,
    #[serde(rename = "mod")]
    pub(crate) module: Option<String>,
    #[serde(rename = "type", default)]
    pub(crate) value_type: String,
    pub(crate) default: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) variants: Vec<String>,
    pub(crate) expires: Option<String>,
    pub(crate) never: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) created: Option<String>,
    pub(crate) ticket: Option<String>,
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) public: bool,
    /// Who decides the flag in the place of documents.
    pub(crate) provider: Option<String>,
    pub(crate) doc: Option<String>,
}

impl Inventory {
    /// Reads files that must be readable.
    pub(crate) fn of(files: &[PathBuf]) -> Result<Self, Failure> {
        Self::of_files(files.iter().map(|file| Ok((&**file, read(file)?))).collect::<Result<_, Failure>>()?)
    }

    /// Reads what can be read: for what happens to lie about and was not asked for.
    pub(crate) fn of_readable(files: &[PathBuf]) -> Self {
        let read = |file| Some((file, introspect::read_file(file).ok()?));
        Self::of_files(files.iter().filter_map(|file| read(&**file)).collect()).unwrap_or_default()
    }

    /// Flags alone, as builds tell of theirs; what cannot be read is left out.
    pub(crate) fn of_flags<'a>(records: impl IntoIterator<Item = &'a str>) -> Self {
        let mut flags: Vec<FlagRecord> =
            records.into_iter().filter_map(|record| serde_json::from_str(record).ok()).collect();
        flags.sort_by(|one, other| one.name.cmp(&other.name));
        Self { flags, ..Self::default() }
    }

    fn of_files(files: Vec<(&Path, Vec<Record>)>) -> Result<Self, Failure> {
        let (libraries, programs): (Vec<_>, Vec<_>) = files.into_iter().partition(|(file, _)| is_library(file));
        let mut files: Vec<_> = programs.into_iter().map(|(_, records)| records).collect();
        let has_programs = !files.is_empty();
        let mut unlinked = BTreeSet::new();
        let is_flag = |record: &&Record| record.kind == RecordKind::Flag;
        for (_, records) in libraries {
            let flags: HashSet<_> = records.iter().filter(is_flag).map(|flag| &*flag.json).collect();
            // What is linked has all of a library's flags, so the library itself tells nothing new.
            let mut linked = files.iter().flatten().filter(is_flag);
            if linked.any(|flag| flags.contains(&*flag.json)) {
                continue;
            }
            if has_programs {
                unlinked.extend(records.iter().filter(is_flag).map(|flag| flag.package.clone()));
            }
            files.push(records);
        }
        let mut records = files.concat();
        records.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        // Several files of one package carry the same records, and one file twice if it links a declaration twice.
        records.dedup();
        let flags =
            records.iter().filter(|record| record.kind == RecordKind::Flag).map(flag_of).collect::<Result<_, _>>()?;
        Ok(Self { records, flags, files, unlinked })
    }

    /// The flag of this name, or else of this document key.
    pub(crate) fn flag(&self, name: &str) -> Option<&FlagRecord> {
        let by_name = self.flags.iter().find(|flag| flag.name == name);
        by_name.or_else(|| self.flags.iter().find(|flag| flag.key() == name))
    }

    /// The same, to keep.
    pub(crate) fn into_flag(mut self, name: &str) -> Option<FlagRecord> {
        let by_name = self.flags.iter().position(|flag| flag.name == name);
        let at = by_name.or_else(|| self.flags.iter().position(|flag| flag.key() == name))?;
        Some(self.flags.swap_remove(at))
    }

    /// The declarations of one name.
    pub(crate) fn declared(&self, name: &str) -> &[FlagRecord] {
        let before = self.flags.partition_point(|flag| *flag.name < *name);
        let of_name = self.flags[before..].partition_point(|flag| flag.name == name);
        &self.flags[before..before + of_name]
    }

    /// Where a flag is read.
    pub(crate) fn sites(&self, name: &str) -> &[Record] {
        // Sorted by name, and the sites behind the declarations.
        let before = self.records.partition_point(|record| (&*record.name, is_site(record)) < (name, true));
        let of_name = self.records[before..].partition_point(|record| record.name == name);
        &self.records[before..before + of_name]
    }

    /// How many places read flags.
    pub(crate) fn site_count(&self) -> usize {
        self.records.iter().filter(|record| is_site(record)).count()
    }

    /// How many places read this flag. A site's record has the flag's name only; which of two flags of one name it reads
    /// is told by the file that both are linked into.
    pub(crate) fn call_sites(&self, flag: &FlagRecord) -> CallSites {
        match self.own_sites(flag) {
            Some(own) => CallSites { count: own.len(), is_by_name: false },
            None => CallSites { count: self.sites(&flag.name).len(), is_by_name: true },
        }
    }

    /// Where this flag is read; where nothing tells it from another one of its name, where any of them is.
    pub(crate) fn sites_of(&self, flag: &FlagRecord) -> Vec<&Record> {
        self.own_sites(flag).unwrap_or_else(|| self.sites(&flag.name).iter().collect())
    }

    fn own_sites(&self, flag: &FlagRecord) -> Option<Vec<&Record>> {
        let by_name = self.sites(&flag.name);
        if self.declared(&flag.name).iter().all(|other| other.is_same_place(flag)) {
            return Some(by_name.iter().collect());
        }
        let mut own = HashSet::new();
        for file in &self.files {
            let of_kind = |kind| file.iter().filter(move |record| record.kind == kind && record.name == flag.name);
            let (mut has_own, mut has_other) = (false, false);
            for declared in of_kind(RecordKind::Flag) {
                let is_own = flag.is_declared_at(declared);
                has_own |= is_own;
                has_other |= !is_own;
            }
            let mut sites = of_kind(RecordKind::Site).peekable();
            if sites.peek().is_some() && has_own == has_other {
                return None;
            }
            if has_own {
                own.extend(sites.map(|site| &*site.json));
            }
        }
        Some(by_name.iter().filter(|site| own.contains(&*site.json)).collect())
    }

    /// `: did you mean ..?` for a name that is not here, or nothing.
    pub(crate) fn did_you_mean(&self, name: &str) -> String {
        suggestion::did_you_mean(name, self.flags.iter().map(|flag| &*flag.name))
    }
}

impl FlagRecord {
    /// The key of the flag's document, without prefix.
    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name)
    }

    /// `file:line:col` of the declaration.
    pub(crate) fn place(&self) -> Option<String> {
        place(self.file.as_deref(), self.line, self.column)
    }

    /// Where it is declared, in words.
    pub(crate) fn declared_at(&self) -> String {
        let Self { package, version, .. } = self;
        match self.place() {
            Some(place) => format!("at {place} (package {package} {version})"),
            None => format!("in package {package} {version}"),
        }
    }

    /// Whether both are the declaration of one place; where one does not record it, of one package.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.is_at(&other.package, &other.version, other.file.as_deref(), (other.line, other.column))
    }

    fn is_declared_at(&self, record: &Record) -> bool {
        self.is_at(&record.package, &record.version, record.file.as_deref(), (record.line, record.column))
    }

    fn is_at(&self, package: &str, version: &str, file: Option<&str>, position: (Option<u32>, Option<u32>)) -> bool {
        let is_recorded = self.file.is_some() && file.is_some();
        (&*self.package, &*self.version) == (package, version)
            && (!is_recorded || (self.file.as_deref(), (self.line, self.column)) == (file, position))
    }

    /// The default as text: JSON, or the source text where only the program knows the value.
    pub(crate) fn default_text(&self) -> Option<String> {
        self.default_expression().or_else(|| Some(self.default_value()?.get().to_owned()))
    }

    /// The default as JSON, where the record knows the value.
    pub(crate) fn default_value(&self) -> Option<&RawValue> {
        self.default.as_deref().filter(|_| self.default_expression().is_none())
    }

    /// The source text of the default, where only the program knows the value.
    pub(crate) fn default_expression(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Expression {
            expr: String,
        }
        let Expression { expr } = serde_json::from_str(self.default.as_ref()?.get()).ok()?;
        Some(expr)
    }
}

/// `file:line:col`, as editors and terminals understand it.
pub(crate) fn place(file: Option<&str>, line: Option<u32>, column: Option<u32>) -> Option<String> {
    Some(match (file?, line, column) {
        (file, Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (file, Some(line), None) => format!("{file}:{line}"),
        (file, None, _) => file.to_owned(),
    })
}

/// Whether it is a Rust library, which is linked into nothing yet.
fn is_library(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "rlib")
}

fn is_site(record: &Record) -> bool {
    record.kind == RecordKind::Site
}

fn order(record: &Record) -> impl Ord + '_ {
    let Record { name, package, version, file, line, column, json, .. } = record;
    (name, is_site(record), package, version, file, line, column, json)
}

fn read(file: &Path) -> Result<Vec<Record>, Failure> {
    introspect::read_file(file)
        .map_err(|error| Failure::because(format!("no flags can be read from {}", file.display()), error))
}

fn flag_of(record: &Record) -> Result<FlagRecord, Failure> {
    serde_json::from_str(&record.json)
        .map_err(|error| Failure::because(format!("the record of the flag `{}` is damaged", record.name), error))
}
