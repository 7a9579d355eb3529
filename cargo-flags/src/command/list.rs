//! `list`: every flag of a package, a workspace or built files.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::artifact::{CallSites, FlagRecord, Inventory};
use crate::cargo;
use crate::cli::Origin;
use crate::failure::{Failure, warn};
use crate::report::{self, ListFormat, Rows};

/// List the flags of a package, a workspace or built files
///
/// Builds the package (its programs, examples and C libraries) unless --artifact names files.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,

    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// One flag as JSON. What a record does not say is null.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    key: &'a str,
    #[serde(rename = "type")]
    value_type: &'a str,
    default: Option<&'a RawValue>,
    variants: &'a [String],
    expires: Option<&'a str>,
    never: Option<&'a str>,
    owner: Option<&'a str>,
    created: Option<&'a str>,
    ticket: Option<&'a str>,
    kind: Option<&'a str>,
    public: bool,
    provider: Option<&'a str>,
    doc: Option<&'a str>,
    package: &'a str,
    version: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    module: Option<&'a str>,
    call_sites: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let inventory = cargo::inventory(&arguments.origin)?;
    if inventory.flags.is_empty() {
        warn("no flags are recorded there");
    }
    warn_of_duplicates(&inventory);
    let mut header = vec!["flag", "type", "default", "expires", "owner", "call sites", "package", "declared at"];
    // An empty column tells people nothing; what reads the other formats counts on it.
    let has_provider =
        arguments.format != ListFormat::Table || inventory.flags.iter().any(|flag| flag.provider.is_some());
    if has_provider {
        header.push("provider");
    }
    let mut rows = Rows::new(&header);
    let mut json = Vec::new();
    for flag in &inventory.flags {
        let call_sites = inventory.call_sites(flag);
        let mut row = row(flag, call_sites);
        if has_provider {
            row.push(flag.provider.clone().unwrap_or_default());
        }
        rows.push(row);
        json.push(listed(flag, call_sites.count));
    }
    report::print(arguments.format, &rows, &json)
}

/// Warns of names that several places declare: alone each is fine, together they do not start.
fn warn_of_duplicates(inventory: &Inventory) {
    // Sorted by name, so that those of one name stand together.
    for flags in inventory.flags.chunk_by(|first, second| first.name == second.name) {
        let mut places: Vec<&FlagRecord> = Vec::new();
        for flag in flags {
            if !places.iter().any(|other| other.is_same_place(flag)) {
                places.push(flag);
            }
        }
        if let [first, _, ..] = &*places {
            let shown: Vec<_> = places.iter().map(|flag| flag.declared_at()).collect();
            warn(format_args!(
                "`{}` is declared {} times: {}; start() will refuse them if they are linked into one binary",
                first.name,
                shown.len(),
                shown.join(" and ")
            ));
        }
    }
}

fn row(flag: &FlagRecord, call_sites: CallSites) -> Vec<String> {
    let expires = match (&flag.expires, &flag.never) {
        (Some(date), _) => date.clone(),
        (None, Some(_)) => "never".to_owned(),
        (None, None) => String::new(),
    };
    vec![
        flag.name.clone(),
        flag.value_type.clone(),
        flag.default_text().unwrap_or_default(),
        expires,
        flag.owner.clone().unwrap_or_default(),
        if call_sites.is_by_name {
            format!("{} of all of this name", call_sites.count)
        } else {
            call_sites.count.to_string()
        },
        format!("{} {}", flag.package, flag.version),
        flag.place().unwrap_or_default(),
    ]
}

fn listed(flag: &FlagRecord, call_sites: usize) -> Listed<'_> {
    Listed {
        name: &flag.name,
        key: flag.key(),
        value_type: &flag.value_type,
        default: flag.default.as_deref(),
        variants: &flag.variants,
        expires: flag.expires.as_deref(),
        never: flag.never.as_deref(),
        owner: flag.owner.as_deref(),
        created: flag.created.as_deref(),
        ticket: flag.ticket.as_deref(),
        kind: flag.kind.as_deref(),
        public: flag.public,
        provider: flag.provider.as_deref(),
        doc: flag.doc.as_deref(),
        package: &flag.package,
        version: &flag.version,
        file: flag.file.as_deref(),
        line: flag.line,
        column: flag.column,
        module: flag.module.as_deref(),
        call_sites,
    }
}
