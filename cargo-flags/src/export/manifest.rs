//! The flag manifest of the OpenFeature CLI: what code is generated from. It has declarations only: who gets what is decided
//! elsewhere.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Export, no_default};
use crate::artifact::{FlagRecord, Inventory};
use crate::failure::Failure;

/// What the file follows: open-feature/cli, `schema/v0/flag-manifest.json`.
const SCHEMA: &str = "https://raw.githubusercontent.com/open-feature/cli/refs/heads/main/schema/v0/flag-manifest.json";

/// One flag.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    flag_type: &'static str,
    default_value: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Writes the manifest of all flags.
pub(crate) fn manifest(inventory: &Inventory) -> Result<(), Failure> {
    Export::of(inventory, entry).write(SCHEMA)
}

fn entry(flag: &FlagRecord) -> Result<Entry, String> {
    let flag_type = flag_type(&flag.value_type).ok_or_else(|| {
        format!(
            "its type `{}`, declared {}, is one that this version does not know: take a newer cargo-flags",
            flag.value_type,
            flag.declared_at()
        )
    })?;
    let default = flag.default_value().ok_or_else(|| no_default(flag))?;
    let doc = flag.doc.as_deref().map(str::trim).filter(|doc| !doc.is_empty());
    Ok(Entry { flag_type, default_value: default.to_owned(), description: doc.map(str::to_owned) })
}

/// The type as OpenFeature has it; enums are the names of their variants.
fn flag_type(value_type: &str) -> Option<&'static str> {
    Some(match value_type {
        "bool" => "boolean",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "integer",
        "f32" | "f64" => "float",
        "string" | "enum" => "string",
        "json" => "object",
        _ => return None,
    })
}
