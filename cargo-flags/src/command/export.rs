//! `export`: all documents as one JSON object, or flags in the formats of other engines.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flags_runtime::source::redis::admin::AdminError;

use crate::artifact::Inventory;
use crate::cargo;
use crate::cli::{Origin, Packages, Server};
use crate::evidence::{self, Evidence};
use crate::export;
use crate::failure::{Failure, note, warn};
use crate::live::Live;
use crate::report::{self, ListFormat, Rows, visible};

/// Write all documents as one JSON object, or flags in the format of another engine
///
/// Documents keep their exact text; it is what `import` and the file source read. Those that every reader refuses, or that no flag
/// can be called, are named and left out; the exit code is 2 then. So it is where another format cannot say a flag.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,

    /// Also write what happened to the documents and what processes tell: a snapshot for `audit --snapshot`. No document is
    /// left out then
    #[arg(long)]
    all: bool,

    /// What is written
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,

    /// For flagd: take the documents of this JSON file, without a server: documents as `export` writes them, an override file,
    /// or a snapshot of `export --all`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["redis", "prefix"])]
    file: Option<PathBuf>,

    #[command(flatten)]
    origin: Origin,
}

/// What an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// The documents on the server
    #[default]
    Documents,
    /// The flag manifest of the OpenFeature CLI, of declarations alone
    OpenfeatureManifest,
    /// The flag definitions of flagd, of declarations and documents
    Flagd,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    refuse_what_plays_no_part(arguments)?;
    match arguments.format {
        ExportFormat::Documents => documents(arguments),
        ExportFormat::OpenfeatureManifest => export::manifest(&inventory(arguments)?),
        ExportFormat::Flagd => {
            let (documents, other_types) = if let Some(file) = &arguments.file {
                (evidence::documents_of_file(file)?, Vec::new())
            } else {
                let live = Live::open(&arguments.server);
                let mut live = live.inspect_err(|_| note("documents of a file do as well: --file FILE"))?;
                (live.admin.documents()?.into_iter().collect(), live.admin.names_of_other_types()?)
            };
            export::flagd(&inventory(arguments)?, &documents, &other_types)
        }
    }
}

/// Refuses options that another format would pass over in silence.
fn refuse_what_plays_no_part(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { server, all, format, file, origin } = arguments;
    let Packages { package, workspace, manifest_path, bin, release, features, cargo } = &origin.packages;
    let names_server = server.redis.is_some() || server.prefix.is_some();
    let names_flags = package.is_some()
        || *workspace
        || manifest_path.is_some()
        || *release
        || !(bin.is_empty() && features.is_empty() && cargo.is_empty() && origin.artifact.is_empty());
    let why = match format {
        ExportFormat::Documents if names_flags => {
            "options that choose flags go with --format flagd or openfeature-manifest: documents are written whoever declares them"
        }
        ExportFormat::Documents if file.is_some() => "--file goes with --format flagd: the documents are the server's",
        ExportFormat::OpenfeatureManifest if names_server || file.is_some() => {
            "--format openfeature-manifest takes no --redis, --prefix or --file: a manifest has declarations alone"
        }
        ExportFormat::OpenfeatureManifest | ExportFormat::Flagd if *all => {
            "--all goes with documents: other formats have no place for what happened to them"
        }
        _ => return Ok(()),
    };
    Err(Failure::wrong(why))
}

fn inventory(arguments: &Arguments) -> Result<Inventory, Failure> {
    let Arguments { format, file, origin, .. } = arguments;
    // No verb that talks to Redis builds anything.
    let asks_server = *format == ExportFormat::Flagd && file.is_none();
    let inventory = if asks_server && origin.artifact.is_empty() {
        cargo::inventory_of_last_build(&origin.packages, "")?
    } else {
        cargo::inventory(origin)?
    };
    if inventory.flags.is_empty() {
        warn("no flags are recorded there");
    }
    Ok(inventory)
}

fn documents(arguments: &Arguments) -> Result<(), Failure> {
    let mut live = Live::open(&arguments.server)?;
    if arguments.all {
        return report::print(ListFormat::Json, &Rows::new(&[]), &Evidence::of_server(&mut live)?);
    }
    let (mut lines, mut refused) = (Vec::new(), Vec::new());
    for (name, document) in live.admin.documents()? {
        let why = match document.parse() {
            Err(error) => Some(format!("every reader refuses it: {error}")),
            // `import` takes no name that no flag can have.
            Ok(_) => match live.admin.as_written(&name, &document) {
                Err(AdminError::Invalid(why)) => Some(why),
                _ => None,
            },
        };
        match why {
            None => lines.push(format!("{}:{}", serde_json::Value::from(name.as_str()), document.text())),
            Some(why) => {
                warn(format_args!("the document of `{}` is left out: {why}", visible(&name)));
                refused.push(format!("`{}`", visible(&name)));
            }
        }
    }
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::output)?;
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::wrong(format!("not all documents were written: {} are refused", refused.join(", "))))
}
