//! `refs`: every place that reads a flag, from the built file itself.

use clap::Args;
use flags_runtime::registry::introspect::Record;
use serde::Serialize;

use crate::artifact::{self, FlagRecord};
use crate::cargo;
use crate::cli::Origin;
use crate::failure::{Failure, warn};
use crate::report::{self, ListFormat, Rows};
use crate::sources::Sources;

/// List the places that read a flag, as `file:line:col`
///
/// Builds the package (its programs, examples and libraries) unless --artifact names files. A place is listed if it is part of
/// a built file; reads through a reference to the flag leave no record. The line of source is shown as it is now, where the
/// file is below the workspace of --manifest-path or the working directory.
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

/// One place as JSON. With `FLAGS_EMBED=names` only the package is known, without the file no source.
#[derive(Serialize)]
struct Place<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    module: Option<&'a str>,
    package: &'a str,
    version: &'a str,
    source: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let inventory = cargo::inventory(&arguments.origin)?;
    let Some(flag) = inventory.flag(&arguments.name) else {
        let suggestion = inventory.did_you_mean(&arguments.name);
        return Err(Failure::wrong(format!("no flag `{}` is declared there{suggestion}", arguments.name)));
    };
    let name = &*flag.name;
    let sites = inventory.sites(name);
    if sites.is_empty() {
        warn(format_args!("nothing reads `{name}` there"));
    }
    let sources = Sources::here(&arguments.origin.packages);
    let json = References {
        name,
        declared: inventory.declared(name).iter().map(|flag| declared_at(flag, &sources)).collect(),
        call_sites: sites.iter().map(|site| read_at(site, &sources)).collect(),
    };
    let mut rows = Rows::new(&["call site", "module", "package", "source"]);
    for site in &json.call_sites {
        let place = artifact::place(site.file, site.line, site.column);
        rows.push(vec![
            place.unwrap_or_else(|| "(not recorded)".to_owned()),
            site.module.unwrap_or_default().to_owned(),
            format!("{} {}", site.package, site.version),
            site.source.clone().unwrap_or_default(),
        ]);
    }
    report::print(arguments.format, &rows, &json)
}

fn declared_at<'a>(flag: &'a FlagRecord, sources: &Sources) -> Place<'a> {
    Place {
        file: flag.file.as_deref(),
        line: flag.line,
        column: flag.column,
        module: flag.module.as_deref(),
        package: &flag.package,
        version: &flag.version,
        source: source(sources, flag.file.as_deref(), flag.line),
    }
}

fn read_at<'a>(site: &'a Record, sources: &Sources) -> Place<'a> {
    Place {
        file: site.file.as_deref(),
        line: site.line,
        column: site.column,
        module: site.module.as_deref(),
        package: &site.package,
        version: &site.version,
        source: source(sources, site.file.as_deref(), site.line),
    }
}

fn source(sources: &Sources, file: Option<&str>, line: Option<u32>) -> Option<String> {
    sources.line(file?, line?)
}
