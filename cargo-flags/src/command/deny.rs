//! `deny`: takes users and groups off the lists of a flag.

use clap::Args;
use flags_runtime::source::redis::admin::{Names, StoredDocument, Written};

use crate::cli::{Listed, Write};
use crate::failure::{Failure, warn};
use crate::known::Need;
use crate::live::Edit;

/// Take users or groups off the lists of a flag
///
/// Who is in its percentage, or in another listed group, still gets it: there is no list of those who do not.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,

    #[command(flatten)]
    listed: Listed,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Listed { users, groups } = arguments.listed.clone();
    let names = Names { users, groups };
    let mut edit = Edit::open(&arguments.write, Need::NothingAtAll)?;
    let (written, missing) = edit.deny(&names)?;
    for name in missing.users.iter().chain(&missing.groups) {
        warn(format_args!("`{name}` was not on the list"));
    }
    warn_of_other_ways(&edit, &written);
    edit.report(&written)
}

/// Somebody who was taken off a list may get the flag all the same.
fn warn_of_other_ways(edit: &Edit<'_>, written: &Written) {
    let stored = StoredDocument::from(written.text.clone().unwrap_or_default());
    let Ok(document) = stored.parse() else { return };
    let mut ways = Vec::new();
    if document.rollout_percentage > 0.0 {
        ways.push(format!("the percentage ({})", document.rollout_percentage));
    }
    if !document.allowed_groups.is_empty() {
        ways.push("a listed group".to_owned());
    }
    if document.enabled && !ways.is_empty() {
        let name = &edit.target.name;
        warn(format_args!("whoever is taken off the lists of `{name}` may still get it by {}", ways.join(" or ")));
    }
}
