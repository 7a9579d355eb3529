//! `rollout`: sets the percent of users for whom a flag is on.

use clap::Args;
use flags_runtime::source::redis::admin::NewDocument;

use crate::cli::Write;
use crate::failure::Failure;
use crate::known::Need;
use crate::live::Edit;

/// Set the percent of users for whom a flag is on, and keep the rest of its document
///
/// The lists of users and groups stay above the percentage, and a flag whose document is disabled stays off. Without a
/// document, the flag gets one that is enabled.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,

    /// 0 to 100; fractions are allowed, and so is a percent sign
    #[arg(value_name = "PCT", allow_negative_numbers = true)]
    percentage: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let percentage = parse(&arguments.percentage)?;
    // Taking a flag away from everybody is a kill.
    let need = if percentage > 0.0 { Need::Name } else { Need::NothingAtAll };
    let mut edit = Edit::open(&arguments.write, need)?;
    let written = edit.write(|document| document.rollout_percentage(percentage))?;
    edit.warn_if_disabled(&written);
    edit.report(&written)
}

fn parse(text: &str) -> Result<f64, Failure> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let percentage = number
        .parse::<f64>()
        .map_err(|_| Failure::wrong(format!("`{text}` is not a percentage: give a number from 0 to 100")))?;
    // Before connecting, and in the words of whoever will check it again.
    NewDocument::default().rollout_percentage(percentage)?;
    Ok(percentage)
}
