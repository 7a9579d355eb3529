//! Flag definitions of flagd: declarations with their documents, so that a team can move its flags there.
//!
//! A bool has the variants `on` and `off`, an enum its own, any other flag `default` (as declared) and `value` (of its document). All
//! are ENABLED: a DISABLED one answers the code's default there, which need not be off. A default that only the program knows is no
//! variant: flagd has null for the default of whoever asks, which is the declared one.

use std::collections::BTreeMap;

use flags_runtime::source::redis::admin::StoredDocument;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::targeting::{self, Decision};
use super::{Export, named, no_default};
use crate::artifact::{FlagRecord, Inventory};
use crate::failure::{Failure, note};
use crate::fit;

/// What the file follows: open-feature/flagd-schemas, `json/flags.json`.
const SCHEMA: &str = "https://flagd.dev/schema/v0/flags.json";
/// How many keys a note names.
const NAMED: usize = 10;

/// One flag.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    state: &'static str,
    variants: BTreeMap<String, Box<RawValue>>,
    default_variant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targeting: Option<Value>,
}

/// The values of a flag, and which of them a document switches between; none is the default of whoever asks.
struct Sides {
    variants: BTreeMap<String, Box<RawValue>>,
    declared: Option<String>,
    on: Option<String>,
    off: Option<String>,
}

/// The flags of which something is to be said, by what.
#[derive(Default)]
struct Remarks {
    drawn: Vec<String>,
    rounded: Vec<String>,
    without_rules: Vec<String>,
    grouped: Vec<String>,
    inexact: Vec<String>,
    decided_elsewhere: Vec<String>,
    others: Vec<String>,
}

/// Writes the definitions of all flags.
///
/// At the keys of `other_types` the server has something that is no document.
pub(crate) fn flagd(
    inventory: &Inventory,
    documents: &BTreeMap<String, StoredDocument>,
    other_types: &[String],
) -> Result<(), Failure> {
    let mut remarks = Remarks::default();
    let mut export = Export::of(inventory, |flag| {
        if other_types.iter().any(|key| key == flag.key()) {
            return Err("no document but another type stands at its key: services keep their last decision".to_owned());
        }
        definition(flag, documents.get(flag.key()), &mut remarks)
    });
    export.warnings = remarks.sentences();
    let others: Vec<_> = documents
        .keys()
        .filter(|key| !export.flags.contains_key(*key) && !export.left_out.contains_key(*key))
        .collect();
    if !others.is_empty() {
        let more = if others.len() > NAMED { format!(" and {} more", others.len() - NAMED) } else { String::new() };
        note(format_args!(
            "no flag here declares the documents {}{more}: without a type they are not written",
            named(others.into_iter().take(NAMED))
        ));
    }
    export.write(SCHEMA)
}

fn definition(flag: &FlagRecord, stored: Option<&StoredDocument>, remarks: &mut Remarks) -> Result<Definition, String> {
    let key = || format!("`{}`", flag.key());
    let mend = |why: &dyn std::fmt::Display| {
        format!("{why}: write a document that fits, `cargo flags get {}` shows this one", flag.name)
    };
    let document = stored.map(StoredDocument::parse).transpose();
    let document = document.map_err(|error| mend(&format!("every reader refuses its document: {error}")))?;
    let value = document.as_ref().and_then(|document| document.value);
    if let Err(misfit) = fit::fits(flag, value.map_or("null", RawValue::get)) {
        if !misfit.may_be_alias {
            return Err(mend(&format!("services refuse its document: {}", misfit.message)));
        }
        remarks.others.push(format!("{}; unless it is an alias, services refuse the document", misfit.message));
    }
    let sides = sides(flag, value)?;
    let decision = match &document {
        None => Decision { otherwise: sides.declared, ..Decision::default() },
        Some(document) => targeting::decision(document, sides.on.as_deref(), sides.off.as_deref()),
    };
    if let Some(weights) = decision.weights {
        remarks.drawn.push(key());
        if !weights.is_exact {
            remarks.rounded.push(key());
        }
    }
    if decision.is_without_rules {
        remarks.without_rules.push(key());
    }
    let has_groups = document.as_ref().is_some_and(|document| !document.allowed_groups.is_empty());
    if has_groups && decision.rule.is_some() {
        remarks.grouped.push(key());
    }
    if sides.variants.values().any(|value| is_beyond_floats(value)) {
        remarks.inexact.push(key());
    }
    if let Some(provider) = &flag.provider {
        remarks.decided_elsewhere.push(format!("`{}` by {provider}", flag.key()));
    }
    Ok(Definition {
        state: "ENABLED",
        variants: sides.variants,
        default_variant: decision.otherwise,
        targeting: decision.rule,
    })
}

/// The variants of a flag.
fn sides(flag: &FlagRecord, value: Option<&RawValue>) -> Result<Sides, String> {
    let default = flag.default_value();
    match &*flag.value_type {
        "bool" => {
            let declared = default.map(|default| if default.get() == "true" { "on" } else { "off" });
            let variants = [("on", true), ("off", false)].map(|(name, value)| Ok((name.to_owned(), raw(&value)?)));
            Ok(Sides {
                variants: variants.into_iter().collect::<Result<_, String>>()?,
                declared: declared.map(str::to_owned),
                on: Some("on".to_owned()),
                off: Some("off".to_owned()),
            })
        }
        "enum" => {
            let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
            let declared = default.and_then(text);
            let value = value.and_then(text);
            let names = flag.variants.iter().chain(&declared).chain(&value);
            let variants = names.map(|name| Ok((name.clone(), raw(name)?))).collect::<Result<_, String>>()?;
            Ok(Sides { variants, on: value.or_else(|| declared.clone()), off: declared.clone(), declared })
        }
        _ => {
            let named = [("default", default.map(ToOwned::to_owned)), ("value", value.map(|value| plain(flag, value)))];
            let variants: BTreeMap<_, _> =
                named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
            if variants.is_empty() {
                return Err(format!("{}; a document with a value makes a variant, too", no_default(flag)));
            }
            are_of_one_type(flag, variants.values())?;
            let declared = default.map(|_| "default".to_owned());
            let on = value.map(|_| "value".to_owned()).or_else(|| declared.clone());
            Ok(Sides { variants, on, off: declared.clone(), declared })
        }
    }
}

/// Refuses what no variants of flagd can be: lists, null, and values of several types.
fn are_of_one_type<'a>(flag: &FlagRecord, values: impl Iterator<Item = &'a Box<RawValue>>) -> Result<(), String> {
    let kind = |value: &RawValue| match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a bool",
        _ => "a number",
    };
    let kinds: Vec<_> = values.map(|value| kind(value)).collect();
    let is_one = kinds.iter().all(|kind| *kind == kinds[0]) && !matches!(kinds[0], "a list" | "null");
    if is_one {
        return Ok(());
    }
    Err(format!(
        "it has {} (declared {}), and the variants of flagd are all objects, strings, numbers or bools: wrap the value in an object",
        kinds.join(" and "),
        flag.declared_at()
    ))
}

/// A value as all SDKs read it: a whole number may be spelt `7.0` or `7e0` in a document.
fn plain(flag: &FlagRecord, value: &RawValue) -> Box<RawValue> {
    let is_integer = matches!(flag.value_type.as_bytes().first(), Some(b'i' | b'u'));
    let is_spelt_otherwise = value.get().contains(['.', 'e', 'E']);
    let number = value.get().parse::<f64>().ok().filter(|_| is_integer && is_spelt_otherwise);
    let plain = number.and_then(|number| RawValue::from_string(number.to_string()).ok());
    plain.unwrap_or_else(|| value.to_owned())
}

/// Whether it is a whole number that a 64-bit float may not hold.
fn is_beyond_floats(value: &RawValue) -> bool {
    value.get().parse::<i128>().is_ok_and(|number| number.unsigned_abs() > 1 << 53)
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, String> {
    serde_json::value::to_raw_value(value).map_err(|error| error.to_string())
}

impl Remarks {
    fn sentences(self) -> Vec<String> {
        let about = |what: &str, keys: &[String], why: &str| {
            (!keys.is_empty()).then(|| format!("{what}: {}; {why}", keys.join(", ")))
        };
        let sentences = [
            about(
                "drawn anew",
                &self.drawn,
                "flagd hashes otherwise, so as many users are in, but other ones than now, and a read without a targeting key is off",
            ),
            about("rounded", &self.rounded, "whole weights have no room for more than 7 decimals of a percentage"),
            about("by groups", &self.grouped, "flagd knows them by a list `groups` in the evaluation context"),
            about("above 2^53", &self.inexact, "flagd reads numbers as 64-bit floats"),
            about("disabled", &self.without_rules, "off for everybody, and lists and percentages are not written"),
            about(
                "decided elsewhere",
                &self.decided_elsewhere,
                "what is written is what their documents or declarations say, which holds where that does not know them",
            ),
        ];
        sentences.into_iter().flatten().chain(self.others).collect()
    }
}
