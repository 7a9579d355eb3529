//! Fit: whether a document's value suits the type of its flag, in the words of the runtime's own readers.
//!
//! Records do not tell everything: of `json` they carry no type, of enums no aliases. What they do not tell is let pass,
//! or marked as something that only the program knows.

use flags_runtime::FlagValue;

use crate::artifact::FlagRecord;
use crate::suggestion;

/// Why services would refuse a value.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// What is wrong, as a sentence.
    pub(crate) message: String,
    /// It is no variant's name, but it may be an alias, which readers take as well and records do not carry.
    pub(crate) may_be_alias: bool,
}

impl Misfit {
    fn of_type(flag: &FlagRecord, value: &str, expected: &str, why: &str) -> Self {
        let message = format!("the value {value} does not fit `{}`, which is {expected}: it {why}", flag.name);
        Self { message, may_be_alias: false }
    }
}

/// Whether a reader of this type takes the value; if not, why.
pub(crate) fn fits(flag: &FlagRecord, value: &str) -> Result<(), Misfit> {
    fn read<T: FlagValue>(value: &str) -> Result<(), String> {
        T::decode(value).map(drop)
    }
    if value == "null" {
        return Ok(());
    }
    let read = match &*flag.value_type {
        "i8" => read::<i8>,
        "i16" => read::<i16>,
        "i32" => read::<i32>,
        // At most as wide as these, wherever the service runs.
        "i64" | "isize" => read::<i64>,
        "u8" => read::<u8>,
        "u16" => read::<u16>,
        "u32" => read::<u32>,
        "u64" | "usize" => read::<u64>,
        "f32" => read::<f32>,
        "f64" => read::<f64>,
        "string" => read::<String>,
        "enum" => return variant(flag, value),
        // A bool's value is not read for decisions. `json` takes what its own type takes, which only the program knows;
        // so do types of later versions.
        _ => return Ok(()),
    };
    read(value).map_err(|why| Misfit::of_type(flag, value, &format!("`{}`", flag.value_type), &why))
}

fn variant(flag: &FlagRecord, value: &str) -> Result<(), Misfit> {
    let names = flag.variants.join(", ");
    let variants = || flag.variants.iter().map(|variant| &**variant);
    let Ok(given) = serde_json::from_str::<String>(value) else {
        return Err(Misfit::of_type(flag, value, &format!("one of {names}"), "is not a string"));
    };
    if variants().any(|variant| variant == given) {
        return Ok(());
    }
    let suggestion = suggestion::did_you_mean(&given, variants());
    let message = format!("the value {value} of `{}` is none of the variants {names}{suggestion}", flag.name);
    Err(Misfit { message, may_be_alias: true })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn every_integer_type_is_checked() {
        for value_type in ["i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize"] {
            let flag: FlagRecord = serde_json::from_str(&format!(r#"{{"name":"x","type":"{value_type}"}}"#)).unwrap();
            assert!(fits(&flag, "7").is_ok() && fits(&flag, "null").is_ok(), "{value_type}");
            assert!(fits(&flag, "7.5").is_err() && fits(&flag, "\"7\"").is_err(), "{value_type}");
            assert_eq!(fits(&flag, "-1").is_ok(), value_type.starts_with('i'), "{value_type}");
        }
    }
}
