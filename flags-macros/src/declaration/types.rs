//! The type of a flag's static, as far as names tell of mistakes: a type that is nobody's flag, or no flag's value.
//!
//! An alias may hide anything, and then rustc has the last word.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericArgument, PathArguments, Type, TypePath, parse_quote};

use crate::text;

/// A type that cannot be meant.
pub(super) struct Mistake<'a> {
    pub(super) sentence: String,
    /// The `Flag<..>`, if it is one.
    flag: Option<&'a TypePath>,
    value: Value<'a>,
}

/// What a type's name says about it as the value of a flag.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// A value that a flag can have.
    Fit(&'a Type),
    /// A text, but not the one that a flag can have.
    Text,
    /// A number that is too wide, and the widest that is not.
    Wide(&'static str),
    /// Something with parts.
    Compound(&'a Type),
}

/// Finds the mistake in `ty`, which ought to be a `Flag<..>` of a value that a flag can have.
pub(super) fn mistake(ty: &Type) -> Option<Mistake<'_>> {
    if let Some((flag, inner)) = inside_of_flag(ty) {
        let value = value(inner).filter(|value| !matches!(value, Value::Fit(_)))?;
        let (inner, meant) = (text::as_written(quote!(#inner)), value.as_written());
        let sentence = format!("`{inner}` is not a type that a flag can have: write `Flag<{meant}>`");
        return Some(Mistake { sentence, flag: Some(flag), value });
    }
    let value = value(ty)?;
    let sentence = format!("the static of a flag is a `Flag<..>`: write `Flag<{}>`", value.as_written());
    Some(Mistake { sentence, flag: None, value })
}

impl Mistake<'_> {
    /// The type that was meant, with the user's own `Flag` where there is one.
    pub(super) fn meant(&self, runtime: &TokenStream) -> Type {
        let value = match self.value {
            Value::Fit(ty) => quote!(#ty),
            Value::Text => quote!(#runtime::__private::String),
            Value::Wide("u64") => quote!(::core::primitive::u64),
            Value::Wide(_) => quote!(::core::primitive::i64),
            Value::Compound(ty) => quote!(#runtime::Json<#ty>),
        };
        let Some(flag) = self.flag else { return parse_quote!(#runtime::Flag<#value>) };
        let mut flag = flag.clone();
        if let Some(last) = flag.path.segments.last_mut() {
            last.arguments = PathArguments::AngleBracketed(parse_quote!(<#value>));
        }
        Type::Path(flag)
    }
}

impl Value<'_> {
    fn as_written(self) -> String {
        match self {
            Self::Fit(ty) => text::as_written(quote!(#ty)),
            Self::Text => "String".to_owned(),
            Self::Wide(narrower) => narrower.to_owned(),
            Self::Compound(ty) => format!("Json<{}>", text::as_written(quote!(#ty))),
        }
    }
}

/// A `Flag<T>` and its `T`.
fn inside_of_flag(ty: &Type) -> Option<(&TypePath, &Type)> {
    let path = path(ty)?;
    let last = path.path.segments.last().filter(|last| last.ident == "Flag")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some((path, inner)),
        _ => None,
    }
}

fn value(ty: &Type) -> Option<Value<'_>> {
    let path = match ty {
        Type::Reference(reference) => {
            let is_text = path(&reference.elem).is_some_and(|path| path.path.is_ident("str"));
            return Some(if is_text { Value::Text } else { Value::Compound(&reference.elem) });
        }
        Type::Tuple(_) | Type::Array(_) => return Some(Value::Compound(ty)),
        _ => path(ty)?,
    };
    let last = path.path.segments.last()?;
    Some(match last.ident.to_string().as_str() {
        "bool" | "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "f32" | "f64"
        | "String" => Value::Fit(ty),
        "u128" => Value::Wide("u64"),
        "i128" => Value::Wide("i64"),
        "str" | "char" | "PathBuf" => Value::Text,
        "Option" | "Vec" | "VecDeque" | "HashMap" | "HashSet" | "BTreeMap" | "BTreeSet" => Value::Compound(ty),
        _ => return None,
    })
}

fn path(ty: &Type) -> Option<&TypePath> {
    match ty {
        Type::Path(path) => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Compact as _;

    fn meant(ty: &Type) -> Option<String> {
        mistake(ty).map(|mistake| {
            assert!(mistake.sentence.contains("write `Flag<"), "{}", mistake.sentence);
            let meant = mistake.meant(&quote!(rt));
            quote!(#meant).compact()
        })
    }

    #[test]
    fn a_type_that_no_flag_can_have_is_answered_by_the_one_that_was_meant() {
        for (written, expected) in [
            ("bool", "rt::Flag<bool>"),
            ("Option<u8>", "rt::Flag<rt::Json<Option<u8>>>"),
            ("Flag<std::vec::Vec<u8>>", "Flag<rt::Json<std::vec::Vec<u8>>>"),
            ("a::Flag<&'static str>", "a::Flag<rt::__private::String>"),
            ("Flag<(u8, u8)>", "Flag<rt::Json<(u8,u8)>>"),
            ("Flag<u128>", "Flag<::core::primitive::u64>"),
            ("Flag<i128>", "Flag<::core::primitive::i64>"),
        ] {
            let ty = syn::parse_str(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(meant(&ty).as_deref(), Some(expected));
        }
    }

    #[test]
    fn flags_and_what_nobody_knows_are_left_to_rustc() {
        for ty in ["Flag<bool>", "Flag<String>", "a::Flag<Pricing>", "Alias", "Flag<Json<Vec<u8>>>", "Flag", "dyn Fn()"]
        {
            let ty = syn::parse_str(ty).unwrap_or_else(|error| panic!("{ty}: {error}"));
            assert_eq!(meant(&ty), None);
        }
    }
}
