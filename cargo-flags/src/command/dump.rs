//! `dump`: every record of a package, a workspace or built files, as it was written.

use clap::Args;
use serde_json::Value;

use crate::cargo;
use crate::cli::Origin;
use crate::failure::Failure;
use crate::report::{self, ListFormat, Rows};

/// Write every record of a package, a workspace or built files, as JSON lines unless another format is asked for
///
/// The fields are those of the record, unchanged; a record that several files share is written once. A table, CSV and
/// Markdown have a column for each field that this version knows, and JSON has all.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    origin: Origin,

    /// How the records are written; `json` is one object a line
    #[arg(long, value_enum, default_value = "json")]
    format: ListFormat,
}

/// The columns: the fields of docs/FORMAT.md.
const FIELDS: [&str; 22] = [
    "k", "name", "key", "pkg", "ver", "file", "line", "col", "mod", "type", "default", "variants", "expires", "never",
    "owner", "created", "ticket", "kind", "public", "provider", "doc", "rt",
];

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let inventory = cargo::inventory(&arguments.origin)?;
    let records = inventory.records.iter().map(|record| &*record.json);
    if arguments.format == ListFormat::Json {
        return report::print_lines(records);
    }
    let mut rows = Rows::new(&FIELDS);
    for record in records {
        let record: Value =
            serde_json::from_str(record).map_err(|error| Failure::because("a record is damaged", error))?;
        rows.push(FIELDS.iter().map(|field| text(field, &record[field])).collect());
    }
    report::print(arguments.format, &rows, &())
}

/// A field as it reads, nothing for null; a default stays JSON, since `"false"` is not `false`.
fn text(name: &str, field: &Value) -> String {
    match field {
        Value::Null => String::new(),
        Value::String(text) if name != "default" => text.clone(),
        other => other.to_string(),
    }
}
