//! `allow`: puts users and groups on the lists of a flag.

use clap::Args;
use flags_runtime::source::redis::admin::Names;

use crate::cli::{Listed, Write};
use crate::failure::{Failure, note};
use crate::known::Need;
use crate::live::Edit;

/// Put users or groups on the lists of a flag: they get it whatever its percentage
///
/// The rest of the document is kept, and a flag whose document is disabled stays off. Without a document, the flag gets one
/// that is enabled for them and nobody else.
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
    let mut edit = Edit::open(&arguments.write, Need::Name)?;
    let (written, known) = edit.allow(&names)?;
    for name in known.users.iter().chain(&known.groups) {
        note(format_args!("`{name}` was on the list already"));
    }
    edit.warn_if_disabled(&written);
    edit.report(&written)
}
