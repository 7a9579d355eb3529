//! Names: the flag that a test means by a word.

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
        let near: Vec<_> = near(name).iter().map(|name| format!("`{name}`")).collect();
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

/// The names that somebody may have meant, the nearest first.
pub(super) fn near(name: &str) -> Vec<&'static str> {
    let allowed = (name.len() / 3).max(1);
    let names = registry().flags().iter().map(|flag| flag.declaration().name());
    let distances = names.map(|other| (distance(name.as_bytes(), other.as_bytes()), other));
    let mut near: Vec<_> = distances.filter(|(distance, _)| *distance <= allowed).collect();
    near.sort_unstable();
    near.truncate(3);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Insertions, deletions and replacements between two names; swapped neighbours count once.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        assert_eq!(distance(b"new_chekcout", b"new_checkout"), 1);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!((distance(b"", b"abc"), distance(b"abc", b"")), (3, 3));
        assert!(near("no such flag at all").is_empty());
    }
}
