//! Artifact: what built files record about flags, read by the parser that the runtime uses on itself.

use std::collections::HashSet;
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
    pub(crate) files: Vec<Vec<Record>>,
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
    pub(crate) doc: Option<String>,
}

impl Inventory {
    /// Reads files that must be readable.
    pub(crate) fn of(files: &[PathBuf]) -> Result<Self, Failure> {
        Self::of_records(files.iter().map(|file| read(file)).collect::<Result<_, _>>()?)
    }

    /// Reads what can be read: for what happens to lie about and was not asked for.
    pub(crate) fn of_readable(files: &[PathBuf]) -> Self {
        let files = files.iter().filter_map(|file| introspect::read_file(file).ok()).collect();
        Self::of_records(files).unwrap_or_default()
    }

    fn of_records(files: Vec<Vec<Record>>) -> Result<Self, Failure> {
        let mut records = files.concat();
        let is_site = |record: &Record| record.kind == RecordKind::Site;
        records.sort_by(|a, b| {
            let place = |record: &Record| (record.line, record.column);
            (&a.name, is_site(a), &a.package, &a.version, &a.file, place(a), &a.json).cmp(&(
                &b.name,
                is_site(b),
                &b.package,
                &b.version,
                &b.file,
                place(b),
                &b.json,
            ))
        });
        // Several files of one package carry the same records, and one file twice if it links a declaration twice.
        records.dedup();
        let flags =
            records.iter().filter(|record| record.kind == RecordKind::Flag).map(flag_of).collect::<Result<_, _>>()?;
        Ok(Self { records, flags, files })
    }

    /// The flag of this name, or else of this document key.
    pub(crate) fn flag(&self, name: &str) -> Option<&FlagRecord> {
        let by_name = self.flags.iter().find(|flag| flag.name == name);
        by_name.or_else(|| self.flags.iter().find(|flag| flag.key() == name))
    }

    /// Where a flag is read.
    pub(crate) fn sites<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.kind == RecordKind::Site && record.name == name)
    }

    /// How many places read this flag. A site's record has the flag's name only; which of two flags of one name it reads
    /// is told by the file that both are linked into.
    pub(crate) fn call_sites(&self, flag: &FlagRecord) -> CallSites {
        let by_name = CallSites { count: self.sites(&flag.name).count(), is_by_name: true };
        if self.flags.iter().all(|other| other.name != flag.name || other.is_same_place(flag)) {
            return CallSites { is_by_name: false, ..by_name };
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
                return by_name;
            }
            if has_own {
                own.extend(sites.map(|site| &*site.json));
            }
        }
        CallSites { count: own.len(), is_by_name: false }
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
        #[derive(Deserialize)]
        struct Expression {
            expr: String,
        }
        let json = self.default.as_ref()?.get();
        Some(serde_json::from_str(json).map_or_else(|_| json.to_owned(), |Expression { expr }| expr))
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

fn read(file: &Path) -> Result<Vec<Record>, Failure> {
    introspect::read_file(file)
        .map_err(|error| Failure::because(format!("no flags can be read from {}", file.display()), error))
}

fn flag_of(record: &Record) -> Result<FlagRecord, Failure> {
    serde_json::from_str(&record.json)
        .map_err(|error| Failure::because(format!("the record of the flag `{}` is damaged", record.name), error))
}
