//! `on`: turns a flag on for those whom its document names.

use clap::Args;

use crate::cli::Write;
use crate::failure::Failure;
use crate::known::Need;
use crate::live::Edit;

/// Turn a flag on for its percentage and lists; without a document, for everybody
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut edit = Edit::open(&arguments.write, Need::Name)?;
    let written = edit.write(|document| Ok(document.enabled(true)))?;
    edit.warn_if_for_nobody(&written);
    edit.warn_if_without_value(&written);
    edit.report(&written)
}
