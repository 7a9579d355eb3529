//! `set`: sets the value of a flag, or its whole document.

use clap::Args;
use flags_runtime::source::redis::admin::{Existing, NewDocument, StoredDocument};

use crate::cli::Write;
use crate::failure::{Failure, warn};
use crate::fit::{self, Misfit};
use crate::known::Need;
use crate::live::Edit;
use crate::report::visible;
use crate::suggestion;

/// Set the value of a flag, or its whole document
///
/// Who gets the value is not changed by setting it, see `on`, `off` and `rollout`; without a document, everybody gets it.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    write: Write,

    /// The value as JSON, for example 10, '"beta"' or '{"limit":10}'; null is the declared default
    #[arg(value_name = "JSON-VALUE", allow_negative_numbers = true, required_unless_present = "document")]
    value: Option<String>,

    /// The whole document as JSON; fields that are left out get their default
    #[arg(long, value_name = "JSON", conflicts_with = "value")]
    document: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let new = match (&arguments.document, &arguments.value) {
        (Some(document), _) => whole(&arguments.write.name, document)?,
        // clap lets nobody leave out both.
        (None, value) => NewDocument::default().value(value.as_deref().unwrap_or("null"))?,
    };
    let mut edit = Edit::open(&arguments.write, Need::Name)?;
    if let Some(document) = &arguments.document
        && !arguments.write.force
    {
        refuse_another_name(&edit, document)?;
    }
    let text = new.text(&edit.target.key);
    let stored = StoredDocument::from(text);
    let value = stored.parse().map_err(|error| Failure::because("the new document would be refused", error))?.value;
    let value = value.map_or("null", |value| value.get());
    check(&mut edit, value, arguments)?;

    let written = if arguments.document.is_some() {
        edit.write(|_| Ok(new.clone()))?
    } else {
        let written = edit.write(|document| document.value(value))?;
        edit.warn_if_disabled(&written);
        written
    };
    edit.report(&written)
}

/// The new document of a text that somebody typed: what it says must all be understood.
fn whole(name: &str, text: &str) -> Result<NewDocument, Failure> {
    let stored = StoredDocument::from(text);
    let document = stored.parse().map_err(|error| Failure::because("the given document is refused", error))?;
    if !document.unknown_fields.is_empty() {
        return Err(Failure::wrong(unknown(&document.unknown_fields)));
    }
    Ok(NewDocument::from_stored(name, &stored, Existing::MustBeKept)?)
}

/// A document that names another flag was most likely pasted under the wrong one.
fn refuse_another_name(edit: &Edit<'_>, document: &str) -> Result<(), Failure> {
    let stored = StoredDocument::from(document);
    // That it reads was seen before.
    let given = stored.parse().ok().and_then(|document| document.name.map(std::borrow::Cow::into_owned));
    match given {
        Some(given) if given != edit.target.name && given != edit.target.key => Err(Failure::wrong(format!(
            "the given document is that of `{}`, not of `{}`: correct its `name` or leave it out (--force writes it under \
             the right name)",
            visible(&given),
            edit.target.name
        ))),
        _ => Ok(()),
    }
}

/// What a document has fields for.
const FIELDS: [&str; 6] = ["name", "enabled", "rollout_percentage", "allowed_users", "allowed_groups", "value"];

fn unknown(fields: &[String]) -> String {
    let named: Vec<_> = fields.iter().map(|field| visible(field)).collect();
    let mut meant: Vec<_> =
        fields.iter().filter_map(|field| suggestion::nearest(field, FIELDS).first().copied()).collect();
    meant.dedup();
    let meant: Vec<_> = meant.into_iter().map(|field| format!("`{field}`")).collect();
    let help = if meant.is_empty() {
        format!("; there are {}", FIELDS.join(", "))
    } else {
        format!(": did you mean {}?", meant.join(" and "))
    };
    format!("the given document has fields that nobody knows: {}{help}", named.join(", "))
}

/// Refuses a value that readers would refuse, as far as anybody here can tell, and warns of one that has no effect.
fn check(edit: &mut Edit<'_>, value: &str, arguments: &Arguments) -> Result<(), Failure> {
    let (name, is_forced) = (edit.target.name.clone(), arguments.write.force);
    let Some(flag) = &edit.target.declared else {
        if arguments.document.is_none() && matches!(value, "true" | "false") {
            warn(format_args!("if `{name}` is a bool, its value has no effect: `cargo flags on` and `off` switch it"));
        }
        return Ok(());
    };
    if flag.value_type == "bool" {
        if arguments.document.is_some() {
            return Ok(());
        }
        let message = format!("`{name}` is a bool, whose value has no effect: `cargo flags on` and `off` switch it");
        // A new document is on for everybody, which nobody means by `set NAME false`.
        if !is_forced && !edit.has_document()? {
            return Err(Failure::wrong(format!("{message} (--force writes it all the same)")));
        }
        warn(message);
        return Ok(());
    }
    match fit::fits(flag, value) {
        Ok(()) => Ok(()),
        Err(Misfit { message, .. }) if is_forced => {
            warn(message);
            Ok(())
        }
        Err(Misfit { message, may_be_alias }) => {
            let hint =
                if may_be_alias { "if it is an alias, --force writes it" } else { "--force writes it all the same" };
            Err(Failure::wrong(format!("{message} ({hint})")))
        }
    }
}
