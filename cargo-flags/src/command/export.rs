//! `export`: all documents as one JSON object.

use std::io::{self, Write as _};

use clap::Args;
use flags_runtime::source::redis::admin::AdminError;

use crate::cli::Server;
use crate::evidence::Evidence;
use crate::failure::{Failure, warn};
use crate::live::Live;
use crate::report::{self, ListFormat, Rows, visible};

/// Write all documents as one JSON object, key by key: what `import` and the file source read
///
/// Documents keep their exact text. Those that every reader refuses, or that no flag can be called, are named and left out; the exit code is 2 then.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,

    /// Also write what happened to the documents and what processes tell: a snapshot for `audit --snapshot`. No document is
    /// left out then
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
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
