//! Matrix: the combinations of some flags' values, and their names.
//!
//! Up to sixteen are all of them. Of more, so many are chosen that each value of a flag meets each value of every other one:
//! most faults take two.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, Path};

use super::parse::{Dimension, Matrix};
use crate::diagnostics::Diagnostics;

/// One combination.
pub(super) struct Case {
    pub(super) name: Ident,
    pub(super) forced: Vec<(Path, Value)>,
}

/// What a flag is forced to in a case.
#[derive(Clone)]
pub(super) enum Value {
    Bool(bool),
    /// The identifier of a variant; the type of the flag says of which enum.
    Variant(Ident),
    Expression(Box<Expr>),
}

/// As many combinations are run without being asked.
const ALL: usize = 16;

/// The cases to run; none after a mistake.
pub(super) fn cases(matrix: &Matrix, diagnostics: &mut Diagnostics) -> Vec<Case> {
    if matrix.dimensions.is_empty() {
        diagnostics.report(matrix.word.span(), "an empty `matrix` has no case: write `matrix(FLAG, OTHER = [A, B])`");
        return Vec::new();
    }
    let dimensions: Vec<Vec<(Value, String)>> = matrix.dimensions.iter().map(values).collect();
    for dimension in &matrix.dimensions {
        let Some(values) = &dimension.values else { continue };
        if values.is_empty() {
            diagnostics.report_at(&dimension.flag, "this flag has no value in the matrix: name at least one");
        }
        for (index, value) in values.iter().enumerate() {
            let text = quote!(#value).to_string();
            if values[..index].iter().any(|before| quote!(#before).to_string() == text) {
                diagnostics.report_at(value, "this value is in the matrix already");
            }
        }
    }
    let sizes: Vec<_> = dimensions.iter().map(Vec::len).collect();
    if !diagnostics.is_empty() {
        return Vec::new();
    }
    let count = sizes.iter().fold(1_usize, |count, size| count.saturating_mul(*size));
    let chosen = if matrix.is_full || count <= ALL { all(&sizes) } else { pairwise(&sizes) };
    let case = |indices: Vec<usize>| {
        let values = || indices.iter().zip(&dimensions).map(|(index, values)| &values[*index]);
        let flags = matrix.dimensions.iter().map(|dimension| &dimension.flag);
        let names: Vec<_> =
            flags.clone().zip(values()).map(|(flag, (_, name))| format!("{}_{name}", last(flag))).collect();
        Case {
            name: Ident::new(&names.join("_"), Span::call_site()),
            forced: flags.cloned().zip(values().map(|(value, _)| value.clone())).collect(),
        }
    };
    chosen.into_iter().map(case).collect()
}

/// What fails to compile if a variant is forgotten.
pub(super) fn exhaustive(matrix: &Matrix, runtime: &TokenStream) -> Vec<TokenStream> {
    let of = |dimension: &Dimension| {
        let flag = &dimension.flag;
        let values = dimension.values.as_ref()?;
        let words: Vec<_> = values.iter().map(word).collect::<Option<_>>()?;
        let text =
            |is_bare: bool| words.iter().filter(move |word| word.is_bare == is_bare).map(|word| word.ident.to_string());
        let (bare, paths, is_open) = (text(true), text(false), dimension.is_open);
        // At the flag, so that the compiler points there.
        let runtime = at(runtime, flag.span());
        Some(quote_spanned! {flag.span()=>
            #runtime::__private::expect_variants(&#flag, &[#(#bare),*], &[#(#paths),*], #is_open);
        })
    };
    matrix.dimensions.iter().filter_map(of).collect()
}

/// The last word of a path: `VariantA`, `Pricing::VariantA`, `self::DEFAULT`.
struct Word<'a> {
    ident: &'a Ident,
    /// Without a path in front of it: a variant of the flag's enum.
    is_bare: bool,
}

fn word(value: &Expr) -> Option<Word<'_>> {
    let Expr::Path(path) = value else { return None };
    let last = path.path.segments.last().filter(|_| path.qself.is_none())?;
    let is_upper = last.ident.to_string().trim_start_matches("r#").starts_with(char::is_uppercase);
    is_upper.then_some(Word { ident: &last.ident, is_bare: path.path.segments.len() == 1 })
}

/// The same tokens at another place.
fn at(tokens: &TokenStream, span: Span) -> TokenStream {
    let moved = tokens.clone().into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    moved.collect()
}

fn values(dimension: &Dimension) -> Vec<(Value, String)> {
    let Some(values) = &dimension.values else {
        return vec![(Value::Bool(false), "off".to_owned()), (Value::Bool(true), "on".to_owned())];
    };
    let value = |(index, value): (usize, &Expr)| match word(value) {
        Some(Word { ident, is_bare: true }) => (Value::Variant(ident.clone()), snake(&ident.to_string())),
        Some(Word { ident, .. }) => (Value::Expression(Box::new(value.clone())), snake(&ident.to_string())),
        None => (Value::Expression(Box::new(value.clone())), named(value).unwrap_or_else(|| index.to_string())),
    };
    let mut values: Vec<_> = values.iter().enumerate().map(value).collect();
    // Different values may have one name: "a b" and "a-b".
    let names: Vec<_> = values.iter().map(|(_, name)| name.clone()).collect();
    for (index, (_, name)) in values.iter_mut().enumerate() {
        if names.iter().filter(|other| *other == name).count() > 1 {
            *name = format!("{name}_{index}");
        }
    }
    values
}

/// The words of a literal, for the name of a case.
fn named(value: &Expr) -> Option<String> {
    let text = quote!(#value).to_string();
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let name = name.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    let is_short = !name.is_empty() && name.len() <= 30;
    let sign = if text.starts_with('-') { "minus_" } else { "" };
    is_short.then(|| format!("{sign}{name}"))
}

fn last(path: &Path) -> String {
    let last = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    last.trim_start_matches("r#").to_ascii_lowercase()
}

/// `VariantA` -> `variant_a`, `EU` -> `eu`
fn snake(ident: &str) -> String {
    let (mut snake, mut was_upper) = (String::new(), true);
    for letter in ident.trim_start_matches("r#").chars() {
        if letter.is_uppercase() && !was_upper {
            snake.push('_');
        }
        was_upper = letter.is_uppercase() || letter == '_';
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Every combination, the last one turning fastest.
fn all(sizes: &[usize]) -> Vec<Vec<usize>> {
    sizes.iter().fold(vec![Vec::new()], |rows, size| {
        let longer = |row: &Vec<usize>, value| row.iter().copied().chain([value]).collect::<Vec<_>>();
        rows.iter().flat_map(|row| (0..*size).map(move |value| longer(row, value))).collect()
    })
}

/// Combinations in which every two values of different dimensions meet: greedily, each row takes what most pairs lack.
fn pairwise(sizes: &[usize]) -> Vec<Vec<usize>> {
    let dimensions: Vec<_> = (0..sizes.len()).collect();
    let mut lacking = BTreeSet::new();
    for (left, right) in
        dimensions.iter().flat_map(|left| dimensions[left + 1..].iter().map(move |right| (*left, *right)))
    {
        lacking.extend((0..sizes[left]).flat_map(|a| (0..sizes[right]).map(move |b| (left, a, right, b))));
    }
    let mut rows = Vec::new();
    while let Some(&(left, a, right, b)) = lacking.iter().next() {
        let mut row: Vec<Option<usize>> = vec![None; sizes.len()];
        (row[left], row[right]) = (Some(a), Some(b));
        for dimension in 0..sizes.len() {
            if row[dimension].is_some() {
                continue;
            }
            let gain = |value: usize| {
                let with = |other: usize, of_other: usize| match other.cmp(&dimension) {
                    std::cmp::Ordering::Less => (other, of_other, dimension, value),
                    _ => (dimension, value, other, of_other),
                };
                let known = row.iter().enumerate().filter_map(|(other, of_other)| Some((other, (*of_other)?)));
                known.filter(|(other, of_other)| lacking.contains(&with(*other, *of_other))).count()
            };
            // Of several that are as good the first.
            let best = (0..sizes[dimension]).rev().max_by_key(|value| gain(*value));
            row[dimension] = best;
        }
        let row: Vec<_> = row.into_iter().flatten().collect();
        for (left, right) in
            dimensions.iter().flat_map(|left| dimensions[left + 1..].iter().map(move |right| (*left, *right)))
        {
            lacking.remove(&(left, row[left], right, row[right]));
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_combinations_are_all_of_them() {
        assert_eq!(all(&[2, 3]), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
    }

    #[test]
    fn of_many_combinations_every_two_values_meet_in_few_rows() {
        for sizes in [&[2; 10][..], &[3, 3, 3, 3], &[5, 4, 3, 2], &[7, 7, 2]] {
            let rows = pairwise(sizes);
            for left in 0..sizes.len() {
                for right in left + 1..sizes.len() {
                    let met: BTreeSet<_> = rows.iter().map(|row| (row[left], row[right])).collect();
                    assert_eq!(met.len(), sizes[left] * sizes[right], "{sizes:?}");
                }
            }
            let product: usize = sizes.iter().product();
            assert!(rows.len() * 2 <= product && rows.len() <= 60, "{} of {product}", rows.len());
        }
    }

    #[test]
    fn cases_are_named_by_flags_and_values() {
        let name = |value: &str| named(&syn::parse_str(value).unwrap());
        assert_eq!(name("-3").as_deref(), Some("minus_3"));
        assert_eq!(name("\"a b\"").as_deref(), Some("a_b"));
        assert_eq!(name("\"\""), None);
        assert_eq!(
            (snake("VariantA"), snake("EU"), snake("MAX_SIZE")),
            ("variant_a".to_owned(), "eu".to_owned(), "max_size".to_owned())
        );
        let bare = |text: &str| word(&syn::parse_str(text).unwrap()).map(|word| word.is_bare);
        assert_eq!(
            (bare("A"), bare("EU"), bare("Pricing::VariantA"), bare("self::MAX")),
            (Some(true), Some(true), Some(false), Some(false))
        );
        assert_eq!((bare("3"), bare("size"), bare("f()")), (None, None, None));
    }
}
