//! Export: flags in the formats of other engines.
//!
//! `manifest` writes declarations for the OpenFeature CLI, `flagd` declarations with their documents, whose decision `targeting`
//! says in `JSONLogic`. What a format cannot say is told and left out; no value is invented.

mod flagd;
mod manifest;
mod targeting;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use self::flagd::flagd;
pub(crate) use self::manifest::manifest;
use crate::artifact::{FlagRecord, Inventory};
use crate::failure::{Failure, warn};
use crate::report::{self, visible};

/// Flags in another format, by key, and what was to be said of them.
pub(crate) struct Export<T> {
    flags: BTreeMap<String, T>,
    /// The flags that the format cannot say, each with the reason.
    left_out: BTreeMap<String, String>,
    /// What the operator should know of those that are written.
    warnings: Vec<String>,
}

/// The file: what it follows, and the flags.
#[derive(Serialize)]
struct File<'a, T> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    flags: &'a BTreeMap<String, T>,
}

impl<T: Serialize> Export<T> {
    /// Says each flag of an inventory; flags of one key are one flag.
    fn of(inventory: &Inventory, mut say: impl FnMut(&FlagRecord) -> Result<T, String>) -> Self {
        let mut by_key: BTreeMap<&str, Vec<&FlagRecord>> = BTreeMap::new();
        for flag in &inventory.flags {
            by_key.entry(flag.key()).or_default().push(flag);
        }
        let mut export = Self { flags: BTreeMap::new(), left_out: BTreeMap::new(), warnings: Vec::new() };
        for (key, records) in by_key {
            match agreed(&records).and_then(&mut say) {
                Ok(flag) => drop(export.flags.insert(key.to_owned(), flag)),
                Err(why) => drop(export.left_out.insert(key.to_owned(), why)),
            }
        }
        export
    }

    /// Writes the file, and says on stderr what it does not tell.
    ///
    /// # Errors
    ///
    /// If flags were left out: whoever goes by the file has to know.
    fn write(self, schema: &'static str) -> Result<(), Failure> {
        self.warnings.iter().for_each(warn);
        for (key, why) in &self.left_out {
            warn(format_args!("`{key}` is left out: {why}"));
        }
        let text = serde_json::to_string_pretty(&File { schema, flags: &self.flags })
            .map_err(|error| Failure::because("the flags cannot be written as JSON", error))?;
        report::print_text(&(text + "\n"))?;
        if self.left_out.is_empty() {
            return Ok(());
        }
        Err(Failure::wrong(format!("not all flags were written: {} left out", named(self.left_out.keys()))))
    }
}

/// The declaration of a key, if those of all builds say the same.
fn agreed<'a>(records: &[&'a FlagRecord]) -> Result<&'a FlagRecord, String> {
    // Records of `FLAGS_EMBED=names` have no default; others of the same flag may.
    let whole = records.iter().find(|record| record.default.is_some());
    let first = *whole.or(records.first()).ok_or("nothing declares it")?;
    let differs = |other: &&&FlagRecord| {
        let default = |record: &FlagRecord| record.default.as_ref().map(|default| default.get().to_owned());
        (&other.value_type, &other.variants) != (&first.value_type, &first.variants)
            || other.default.is_some() && default(other) != default(first)
    };
    match records.iter().find(differs) {
        None => Ok(first),
        Some(other) => Err(format!(
            "its type or its default is another one {} than {}: export the flags of one of them",
            other.declared_at(),
            first.declared_at()
        )),
    }
}

/// Why the record does not have the default of a flag, and what to do about it.
fn no_default(flag: &FlagRecord) -> String {
    let place = flag.declared_at();
    let Some(expression) = flag.default_expression() else {
        return format!("its record {place} has no default: build without FLAGS_EMBED=names");
    };
    let fix = match &*flag.value_type {
        "f32" | "f64" => "declare it as a plain number like 0.5, or add the flag to the file by hand",
        "json" => "add the flag to the file by hand",
        _ => "declare a constant `default`, or add the flag to the file by hand",
    };
    format!("only the program knows its default `{expression}`, declared {place}: {fix}")
}

/// Keys as a sentence has them.
fn named<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    keys.map(|key| format!("`{}`", visible(key))).collect::<Vec<_>>().join(", ")
}
