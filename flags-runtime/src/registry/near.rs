//! Near misses: the names that somebody may have meant by another one.

/// The names that somebody may have meant, the nearest first.
pub(crate) fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = (name.len() / 3).max(1);
    // Names of another length are no near ones, and most are left out by that.
    let names = names.filter(|other| other.len().abs_diff(name.len()) <= allowed);
    let distances = names.map(|other| (distance(name.as_bytes(), other.as_bytes()), other));
    let mut near: Vec<_> = distances.filter(|(distance, _)| *distance <= allowed).collect();
    near.sort_unstable();
    near.truncate(3);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Insertions, deletions and replacements between two names; swapped neighbours count once.
pub(crate) fn distance(left: &[u8], right: &[u8]) -> usize {
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
        let names = ["new_checkout", "old_checkout"];
        assert_eq!(near("new_chekcout", names.into_iter()), ["new_checkout", "old_checkout"]);
        assert!(near("no such flag at all", names.into_iter()).is_empty());
    }
}
