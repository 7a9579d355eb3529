//! `import`: writes the documents of a file, each with an audit entry, all of them or none that is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use flags_runtime::source::redis::admin::{AdminError, StoredDocument};

use crate::cli::{Check, Server};
use crate::evidence;
use crate::failure::{Failure, warn};
use crate::known::{self, Need};
use crate::live::{self, Live};
use crate::report::{self, ListFormat, Rows, visible};
use crate::story;

/// Write the documents of a file: a JSON object of keys and documents, as `export` writes it
///
/// Everything is looked at before anything is written. Each write is one of its own with an audit entry; a document that
/// somebody changes meanwhile is left to them, and the exit code is 1 then.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The file; `-` is standard input
    file: PathBuf,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    check: Check,

    /// Only say what would change
    #[arg(long)]
    dry_run: bool,

    /// Delete the documents that are not in the file
    #[arg(long)]
    delete_others: bool,

    /// Who writes, for the audit trail (otherwise user@host)
    #[arg(long, value_name = "WHO")]
    by: Option<String>,

    /// The reason, for the audit trail
    #[arg(long, value_name = "WHY", default_value = "", hide_default_value = true)]
    why: String,

    /// Write documents of unknown names too
    #[arg(long)]
    force: bool,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// What is to happen to one document.
struct Step {
    name: String,
    stored: Option<StoredDocument>,
    /// None deletes.
    new: Option<StoredDocument>,
}

impl Step {
    fn changes(&self) -> bool {
        self.stored != self.new
    }

    fn told(&self) -> String {
        if self.changes() { story::change(self.stored.as_ref(), self.new.as_ref()) } else { "same".to_owned() }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let documents = parse(&read(arguments)?)?;
    let mut live = Live::open(&arguments.server)?;
    let steps = plan(&mut live, arguments, documents)?;
    let note = live::note(arguments.by.as_deref(), &arguments.why);
    let (mut rows, mut values, mut lost) = (Rows::new(&["flag", "what"]), Vec::new(), Vec::new());
    let mut failed = None;
    for step in &steps {
        let mut what = step.told();
        if step.changes() && !arguments.dry_run {
            let done = match (&step.new, &step.stored) {
                (Some(new), stored) => live.admin.restore(&step.name, stored.as_ref(), new, &note).map(drop),
                (None, Some(stored)) => live.admin.delete(&step.name, stored, &note).map(drop),
                (None, None) => Ok(()),
            };
            match done {
                Ok(()) => {}
                Err(AdminError::Conflict { .. }) => {
                    "not written: somebody else changed it meanwhile".clone_into(&mut what);
                    lost.push(visible(&step.name));
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        values.push(serde_json::json!({"name": step.name, "changes": step.changes(), "what": what}));
        rows.push(vec![step.name.clone(), what]);
    }
    // Also where it broke off: what was written is written.
    report::print(arguments.format, &rows, &values)?;
    if let Some(error) = failed {
        let name = visible(&steps[values.len()].name);
        warn(format_args!("it broke off at `{name}`: what is listed is done, and what comes after it is not"));
        return Err(error.into());
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(Failure::denied(format!("somebody else changed {} meanwhile: import again", lost.join(", "))))
}

fn read(arguments: &Arguments) -> Result<String, Failure> {
    let path = &arguments.file;
    let unreadable = |error| Failure::because(format!("{} cannot be read", path.display()), error);
    if path.as_os_str() != "-" {
        return fs::read_to_string(path).map_err(unreadable);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn parse(text: &str) -> Result<BTreeMap<String, StoredDocument>, Failure> {
    let documents = evidence::documents(text)
        .map_err(|error| Failure::because("the file is no JSON object of keys and documents", error))?;
    for (name, document) in &documents {
        let name = visible(name);
        let document = document.parse().map_err(|error| {
            Failure::because(format!("nothing was written: the document of `{name}` would be refused"), error)
        })?;
        if !document.unknown_fields.is_empty() {
            return Err(Failure::wrong(format!(
                "nothing was written: the document of `{name}` has fields that nobody knows: {}",
                visible(&document.unknown_fields.join(", "))
            )));
        }
        if let Some(other) = document.name.as_ref().filter(|other| **other != *name) {
            warn(format_args!(
                "the document of `{name}` calls itself `{}`: its `name` is written as `{name}`",
                visible(other)
            ));
        }
    }
    Ok(documents)
}

/// All that is to be done, the names checked.
fn plan(
    live: &mut Live,
    arguments: &Arguments,
    documents: BTreeMap<String, StoredDocument>,
) -> Result<Vec<Step>, Failure> {
    let mut there: BTreeMap<String, StoredDocument> = live.admin.documents()?.into_iter().collect();
    let mut steps = Vec::new();
    for (name, document) in documents {
        let stored = there.remove(&name);
        if stored.is_none() && !arguments.force {
            known::target(&mut live.admin, &arguments.check.artifact, &name, Need::Name, false)?;
        }
        let new = live.admin.as_written(&name, &document)?;
        steps.push(Step { name, stored, new: Some(new) });
    }
    if arguments.delete_others {
        steps.extend(there.into_iter().map(|(name, stored)| Step { name, stored: Some(stored), new: None }));
    }
    Ok(steps)
}
