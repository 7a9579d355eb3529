//! Names: the flag that a test means by a word.

use crate::registry::near::{distance, near};
use crate::registry::{RegisteredFlag, registry};

/// The flag of this name, or else of this key.
///
/// # Errors
///
/// A sentence that names the nearest ones.
pub(super) fn find(name: &str) -> Result<&'static RegisteredFlag, String> {
    let flags = registry().flags();
    let of_name = flags.iter().find(|flag| flag.declaration().name() == name);
    of_name.or_else(|| registry().by_key(name)).ok_or_else(|| {
        let near: Vec<_> = near(name, flags.iter().map(|flag| flag.declaration().name()));
        let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
        let hint = match &near[..] {
            [] => "a flag of a crate that is never mentioned is not linked".to_owned(),
            near => format!("did you mean {}?", near.join(" or ")),
        };
        format!("this program has no flag `{name}`: {hint}")
    })
}

/// The flag that a name is a slip of: another case, or one letter, or two that are swapped. Two versions of one name, which differ in digits, are two
/// names.
pub(super) fn slip_of(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.', ' '], "_");
    let without_digits = |name: &str| plain(name).replace(|letter: char| letter.is_ascii_digit(), "");
    let is_slip = |other: &str| {
        let is_version = plain(name) != plain(other) && without_digits(name) == without_digits(other);
        !is_version && distance(plain(name).as_bytes(), plain(other).as_bytes()) <= 1
    };
    registry().flags().iter().map(|flag| flag.declaration().name()).find(|other| is_slip(other))
}
