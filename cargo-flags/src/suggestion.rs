//! Suggestion: the names that somebody may have meant.

/// How many names are suggested at most.
const MOST: usize = 3;

/// The nearest of `names`, nearest first; empty if none is near enough to be a slip of the same name.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = plain(wanted);
    let allowed = (wanted.len() / 3).max(1);
    let mut near: Vec<_> = names
        .into_iter()
        .map(|name| (distance(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.truncate(MOST);
    near.into_iter().map(|(_, name)| name).collect()
}

/// `: did you mean ..?`, or nothing.
pub(crate) fn did_you_mean<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = nearest(wanted, names);
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!(": did you mean {}?", quoted.join(" or "))
}

/// What is left of a name when case and separators do not matter.
fn plain(name: &str) -> Vec<char> {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if matches!(letter, '-' | '.' | ' ') { '_' } else { letter })
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two names.
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut rows = vec![vec![0; width]; left.len() + 1];
    rows[0] = (0..width).collect();
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for i in 1..=left.len() {
        for j in 1..width {
            let is_same = left[i - 1] == right[j - 1];
            let replaced = rows[i - 1][j - 1] + usize::from(!is_same);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_another_word_does_not() {
        let names = ["new_checkout", "new_search", "pricing"];
        assert_eq!(nearest("new_chekcout", names), ["new_checkout"]);
        assert_eq!(nearest("NEW-CHECKOUT", names), ["new_checkout"]);
        assert_eq!(nearest("prcing", names), ["pricing"]);
        assert!(nearest("cart", names).is_empty());
        assert!(nearest("", names).is_empty());
    }

    #[test]
    fn swapped_neighbours_count_once() {
        assert_eq!(distance(&plain("ab"), &plain("ba")), 1);
        assert_eq!(distance(&plain("kitten"), &plain("sitting")), 3);
        assert_eq!(distance(&plain(""), &plain("abc")), 3);
    }

    #[test]
    fn suggestions_are_few_and_in_order_of_nearness() {
        let names = ["flag_aaa", "flag_aab", "flag_abb", "flag_bbb", "flag_aaa"];
        assert_eq!(nearest("flag_aaa", names), ["flag_aaa", "flag_aab", "flag_abb"]);
        assert_eq!(did_you_mean("flag_aaab", ["flag_aaa"]), ": did you mean `flag_aaa`?");
        assert_eq!(did_you_mean("x", ["flag"]), "");
    }
}
