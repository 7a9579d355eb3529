//! `delete`: removes a flag's document.

use clap::Args;

use crate::cli::Write;
use crate::failure::Failure;
use crate::known::Need;
use crate::live::Edit;

/// Delete the document of a flag: it has its declared default then
///
/// `rollback` puts it back.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut edit = Edit::open(&arguments.write, Need::NothingAtAll)?;
    let written = edit.delete()?;
    edit.report(&written)
}
