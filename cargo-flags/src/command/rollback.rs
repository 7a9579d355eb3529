//! `rollback`: puts a flag's document back as it was.

use clap::Args;

use crate::cli::Write;
use crate::failure::Failure;
use crate::known::Need;
use crate::live::Edit;

/// Put the document of a flag back as it was before the last write of the trail
///
/// It is a write itself, with an entry of its own, so a second rollback undoes the first. Where somebody wrote past the trail
/// since, it refuses, unless --to names an entry or --force is given.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,

    /// As this entry of `cargo flags history` left it
    #[arg(long, value_name = "ID")]
    to: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut edit = Edit::open(&arguments.write, Need::NothingAtAll)?;
    let written = edit.rollback(arguments.to.as_deref())?;
    edit.report(&written)
}
