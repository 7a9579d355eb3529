//! The letter cases of `rename_all`, by the rules of serde for variants.

use crate::suggestion::{listed, nearest};

const CASES: [(&str, Case); 8] = [
    ("snake_case", Case::Snake),
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

/// How the name of a variant becomes its text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Case {
    #[default]
    Snake,
    Lower,
    Upper,
    Pascal,
    Camel,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// The case of this name, or the sentence that says which there are.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let names = || CASES.map(|(name, _)| name);
        match CASES.iter().find(|(known, _)| *known == name) {
            Some((_, case)) => Ok(*case),
            None => Err(match nearest(name, names()) {
                Some(meant) => format!("unknown case `{name}`: did you mean `{meant}`?"),
                None => format!("unknown case `{name}`: allowed are {}", listed(names())),
            }),
        }
    }

    /// The text of a variant, whose name is written in `PascalCase`.
    pub(super) fn apply(self, variant: &str) -> String {
        match self {
            Self::Snake => snake(variant),
            Self::Lower => variant.to_ascii_lowercase(),
            Self::Upper => variant.to_ascii_uppercase(),
            Self::Pascal => variant.to_owned(),
            Self::Camel => {
                let mut letters = variant.chars();
                letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
            }
            Self::ScreamingSnake => snake(variant).to_ascii_uppercase(),
            Self::Kebab => snake(variant).replace('_', "-"),
            Self::ScreamingKebab => snake(variant).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// An underscore in front of every capital but a first: `HTTPServer` is `h_t_t_p_server`, as serde has it.
fn snake(variant: &str) -> String {
    let mut text = String::new();
    for (at, letter) in variant.char_indices() {
        if at > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_those_of_serde() {
        let texts = |variant| CASES.map(|(_, case)| case.apply(variant));
        assert_eq!(
            texts("VeryTasty"),
            [
                "very_tasty",
                "verytasty",
                "VERYTASTY",
                "VeryTasty",
                "veryTasty",
                "VERY_TASTY",
                "very-tasty",
                "VERY-TASTY"
            ]
        );
        assert_eq!(texts("A"), ["a", "a", "A", "A", "a", "A", "a", "A"]);
        assert_eq!(texts("Z42"), ["z42", "z42", "Z42", "Z42", "z42", "Z42", "z42", "Z42"]);
        assert_eq!(Case::Snake.apply("HTTPServer"), "h_t_t_p_server");
    }

    #[test]
    fn an_unknown_case_is_answered() {
        assert_eq!(Case::named("camelCase"), Ok(Case::Camel));
        assert_eq!(Case::named("snakecase"), Err("unknown case `snakecase`: did you mean `snake_case`?".to_owned()));
        assert!(Case::named("x").is_err_and(|said| said.starts_with("unknown case `x`: allowed are `snake_case`, ")));
    }
}
