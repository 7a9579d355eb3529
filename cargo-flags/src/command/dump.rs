//! `dump`: every record of a package, a workspace or built files, as it was written.

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};

use crate::cli::Origin;
use crate::failure::Failure;
use crate::workspace;

/// Write every record of a package, a workspace or built files as JSON lines
///
/// The fields are those of the record, unchanged; a record that several files share is written once.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,

    /// How the records are written
    #[arg(long, value_enum, default_value_t)]
    format: DumpFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DumpFormat {
    /// One JSON object a line
    #[default]
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let DumpFormat::Json = arguments.format;
    let inventory = workspace::inventory(&arguments.origin)?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    for record in &inventory.records {
        writeln!(stdout, "{}", record.json).map_err(Failure::output)?;
    }
    stdout.flush().map_err(Failure::output)
}
