//! `off`: turns a flag off for everybody and keeps the rest of its document.

use clap::Args;

use crate::cli::Write;
use crate::failure::Failure;
use crate::known::Need;
use crate::live::Edit;

/// Turn a flag off for everybody, and keep the rest of its document
///
/// A kill waits for nothing: where nothing can check the name, it goes ahead with a warning.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut edit = Edit::open(&arguments.write, Need::NothingAtAll)?;
    let written = edit.write(|document| Ok(document.enabled(false)))?;
    edit.report(&written)
}
