//! `get`: the document of one flag, as it stands in Redis.

use std::fmt;

use clap::Args;
use flags_runtime::rules::{Document, DocumentError};
use flags_runtime::source::redis::admin::StoredDocument;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::{Check, Server};
use crate::failure::{Failure, warn};
use crate::fit;
use crate::known::{self, Need, Target};
use crate::live::{self, Live};
use crate::other_engines;
use crate::report::{self, Format, Rows, visible};

/// Show the document of a flag
///
/// The exit code is 0 for a known flag without a document, too: it has its declared default then. It is 2 for a name
/// that nothing knows, and for a document that services refuse: all of them, or those with the flag, whose type a built
/// file tells.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name
    name: String,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    check: Check,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A document as JSON. `text` is what Redis holds to the letter, since `document` has no line breaks and may be refused.
#[derive(Serialize)]
struct Got<'a> {
    name: &'a str,
    key: &'a str,
    document: Option<&'a RawValue>,
    refused: Option<String>,
    text: Option<&'a str>,
}

/// Why a document is refused.
enum Refusal {
    /// By every reader, whatever the flag.
    Text(DocumentError),
    /// By services whose flag has the type that the file at hand declares.
    Type(String),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut live = Live::connect(&arguments.server, &arguments.name)?;
    let target = known::target(&mut live.admin, &arguments.check.artifact, &arguments.name, Need::NameToRead, false)?;
    let key = live.key(&target.key);
    let stored = live.admin.get(&target.key)?;
    let text = stored.as_ref().map(|stored| stored.text());
    let read = stored.as_ref().map(StoredDocument::parse).transpose();

    let mut rows = Rows::new(&["field", "value"]);
    rows.push(vec!["flag".to_owned(), target.name.clone()]);
    rows.push(vec!["key".to_owned(), key.clone()]);
    let mut refused = None;
    match &read {
        Ok(Some(document)) => {
            live::push_document(&mut rows, document);
            if !document.unknown_fields.is_empty() {
                rows.push(vec!["unknown fields".to_owned(), document.unknown_fields.join(", ")]);
            }
            refused = misfit(&target, document).map(Refusal::Type);
            other_engines::complaints(&target.name, &target.key, document).iter().for_each(warn);
        }
        Ok(None) => rows.push(vec!["document".to_owned(), "none: the flag has its declared default".to_owned()]),
        Err(error) => refused = Some(Refusal::Text(error.clone())),
    }
    if let Some(refusal) = &refused {
        rows.push(vec!["refused".to_owned(), refusal.to_string()]);
        rows.push(vec!["text".to_owned(), text.as_deref().unwrap_or_default().to_owned()]);
    }
    let json = Got {
        name: &target.name,
        key: &key,
        document: text.as_deref().filter(|_| refused.is_none()).and_then(|text| serde_json::from_str(text).ok()),
        refused: refused.as_ref().map(ToString::to_string),
        text: text.as_deref(),
    };
    report::print(arguments.format.into(), &rows, &json)?;
    let name = &target.name;
    match refused {
        None => Ok(()),
        Some(Refusal::Text(error)) => {
            Err(Failure::because(format!("every reader refuses the document of `{name}`"), error))
        }
        Some(Refusal::Type(why)) => Err(Failure::wrong(format!("services refuse the document of `{name}`: {why}"))),
    }
}

/// Why the flag's own type refuses the value, as far as the file at hand tells it.
fn misfit(target: &Target, document: &Document<'_>) -> Option<String> {
    let value = document.value?.get();
    let misfit = fit::fits(target.declared.as_ref()?, value).err()?;
    let message = visible(&misfit.message);
    if misfit.may_be_alias {
        warn(format_args!("{message}; unless it is an alias, services refuse the document"));
        return None;
    }
    Some(message)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Type(why) => f.write_str(why),
        }
    }
}
