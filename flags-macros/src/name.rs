//! Flag names: their grammar, and the identifiers made from them.

use syn::{Ident, LitStr};

const LONGEST: usize = 128;

/// Says what is wrong with a flag name, if anything.
pub(crate) fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("`name` is empty: give the flag a name like `name = \"new_checkout\"`".to_owned());
    }
    if name.len() > LONGEST {
        return Some(format!("`name` has {} bytes: a flag name has at most {LONGEST}", name.len()));
    }
    if name.bytes().all(is_allowed) && name.as_bytes()[0].is_ascii_alphanumeric() {
        return None;
    }
    let said =
        "a flag name is written with `a` to `z`, `0` to `9`, `_`, `.` and `-`, and begins with a letter or a digit";
    Some(match repaired(name) {
        Some(repaired) => format!("`{name}` is not a flag name: {said}, like `{repaired}`"),
        None => format!("`{name}` is not a flag name: {said}"),
    })
}

/// The name of the hidden macro that makes rustc refuse a second flag of this name: different names give different
/// identifiers, because a valid name has no capitals of its own.
pub(crate) fn guard(name: &LitStr) -> Ident {
    let letters = name.value().replace('.', "D").replace('-', "H");
    Ident::new(&format!("__flags_two_are_named_{letters}"), name.span())
}

/// The name of the static that a function declares: the flag's in capitals; `None` where it begins with a digit.
pub(crate) fn static_ident(name: &LitStr) -> Option<Ident> {
    let text = name.value().replace(['.', '-'], "_").to_ascii_uppercase();
    text.starts_with(|first: char| first.is_ascii_alphabetic()).then(|| Ident::new(&text, name.span()))
}

/// The flag name that an identifier suggests: `NEW_CHECKOUT` -> `new_checkout`.
pub(crate) fn suggested_by(ident: &Ident) -> String {
    let text = ident.to_string().trim_start_matches("r#").to_owned();
    if problem(&text.to_ascii_lowercase()).is_none() { text.to_ascii_lowercase() } else { "new_checkout".to_owned() }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte)
}

/// What the user may have meant: `NewCheckout` and `new checkout` -> `new_checkout`.
fn repaired(name: &str) -> Option<String> {
    let mut repaired = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && was_lower {
            repaired.push('_');
        }
        was_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        repaired.push(if letter.is_whitespace() { '_' } else { letter.to_ascii_lowercase() });
    }
    let repaired = repaired.trim_start_matches(['_', '.', '-']);
    (!repaired.is_empty() && repaired.bytes().all(is_allowed)).then(|| repaired.to_owned())
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn literal(name: &str) -> LitStr {
        LitStr::new(name, Span::call_site())
    }

    #[test]
    fn the_grammar_is_held() {
        for name in ["a", "0", "new_checkout", "a.b-c_d", "2fa", &"x".repeat(128)] {
            assert_eq!(problem(name), None, "{name}");
        }
        for name in ["", "_a", ".a", "-a", "A", "a b", "a/b", "ä", "a:b", &"x".repeat(129)] {
            assert!(problem(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_wrong_name_is_mended() {
        let mended = |name| problem(name).and_then(|said| said.split("like `").nth(1).map(str::to_owned));
        assert_eq!(mended("NewCheckout").as_deref(), Some("new_checkout`"));
        assert_eq!(mended("NEW_CHECKOUT").as_deref(), Some("new_checkout`"));
        assert_eq!(mended("new checkout").as_deref(), Some("new_checkout`"));
        assert_eq!(mended("_new").as_deref(), Some("new`"));
        assert_eq!(mended("größe"), None);
    }

    #[test]
    fn different_names_have_different_guards() {
        let guards: std::collections::HashSet<_> =
            ["a.b", "a-b", "a_b", "ab", "adb", "ahb"].map(|name| guard(&literal(name)).to_string()).into();
        assert_eq!(guards.len(), 6);
    }

    #[test]
    fn a_function_declares_a_static_named_after_the_flag() {
        let ident = |name| static_ident(&literal(name)).map(|ident| ident.to_string());
        assert_eq!(ident("fast_search").as_deref(), Some("FAST_SEARCH"));
        assert_eq!(ident("search.fast-path").as_deref(), Some("SEARCH_FAST_PATH"));
        assert_eq!(ident("2fa"), None);
    }
}
