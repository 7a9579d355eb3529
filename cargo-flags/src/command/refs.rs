//! `refs`: every place that reads a flag, from the built file itself.

use clap::Args;
use flags_runtime::registry::introspect::Record;
use serde::Serialize;

use crate::artifact::{self, FlagRecord};
use crate::cli::Origin;
use crate::failure::{Failure, warn};
use crate::report::{self, ListFormat, Rows};
use crate::workspace;

/// List the places that read a flag, as `file:line:col`
///
/// Builds the package (its programs, examples and C libraries) unless --artifact names files. A place is listed if it is
/// part of a built file; reads through a reference to the flag leave no record.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name
    name: String,

    #[command(flatten)]
    origin: Origin,

    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// One flag's places as JSON.
#[derive(Serialize)]
struct References<'a> {
    name: &'a str,
    declared: Vec<Place<'a>>,
    call_sites: Vec<Place<'a>>,
}

/// One place as JSON. With `FLAGS_EMBED=names` only the package is known.
#[derive(Serialize)]
struct Place<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    module: Option<&'a str>,
    package: &'a str,
    version: &'a str,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let inventory = workspace::inventory(&arguments.origin)?;
    let Some(flag) = inventory.flag(&arguments.name) else {
        let suggestion = inventory.did_you_mean(&arguments.name);
        return Err(Failure::wrong(format!("no flag `{}` is declared there{suggestion}", arguments.name)));
    };
    let name = &*flag.name;
    let sites: Vec<_> = inventory.sites(name).collect();
    if sites.is_empty() {
        warn(format_args!("nothing reads `{name}` there"));
    }
    let mut rows = Rows::new(&["call site", "module", "package"]);
    for site in &sites {
        let place = artifact::place(site.file.as_deref(), site.line, site.column);
        rows.push(vec![
            place.unwrap_or_else(|| "(not recorded)".to_owned()),
            site.module.clone().unwrap_or_default(),
            format!("{} {}", site.package, site.version),
        ]);
    }
    let json = References {
        name,
        declared: inventory.flags.iter().filter(|flag| flag.name == name).map(declared_at).collect(),
        call_sites: sites.iter().map(|site| read_at(site)).collect(),
    };
    report::print(arguments.format, &rows, &json)
}

fn declared_at(flag: &FlagRecord) -> Place<'_> {
    Place {
        file: flag.file.as_deref(),
        line: flag.line,
        column: flag.column,
        module: flag.module.as_deref(),
        package: &flag.package,
        version: &flag.version,
    }
}

fn read_at(site: &Record) -> Place<'_> {
    Place {
        file: site.file.as_deref(),
        line: site.line,
        column: site.column,
        module: site.module.as_deref(),
        package: &site.package,
        version: &site.version,
    }
}
