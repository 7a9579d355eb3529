//! The parts of a flag's record that the attribute knows: JSON text, for the runtime to put together.
//!
//! docs/FORMAT.md has the fields. Constant evaluation could write all of it, and takes a hundred times as long.

use std::path::Path;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::StaticTokens;
use crate::expiry::{Embed, Environment};
use crate::settings::{Expires, Settings};
use crate::text;

/// `[is_full, before, expression, after]`, as the runtime's macro reads it; all is empty if nothing is to be embedded.
pub(super) fn parts(settings: &Settings, tokens: &StaticTokens, environment: &Environment) -> TokenStream {
    let embed = environment.embed();
    if embed == Embed::None {
        return quote!([false, "", "", ""]);
    }
    let is_full = embed == Embed::Full;
    let before = before(settings, &tokens.ident, environment, is_full);
    let default = settings.default.as_written();
    let expression = if is_number(&default) { default } else { format!("{{\"expr\":{}}}", string(&default)) };
    let after = after(settings, &tokens.doc, is_full);
    quote!([#is_full, #before, #expression, #after])
}

/// From the brace to the module, which only a macro of rustc knows.
fn before(settings: &Settings, ident: &Ident, environment: &Environment, is_full: bool) -> String {
    // The runtime is of this version: cargo is told so.
    let mut json = format!("{{\"v\":1,\"k\":\"flag\",\"rt\":\"{}\"", env!("CARGO_PKG_VERSION"));
    json.extend([",\"name\":", &string(&settings.name.value())]);
    if let Some(key) = &settings.key {
        json.extend([",\"key\":", &string(&key.value())]);
    }
    let (package, version) = (&environment.package, &environment.version);
    json.extend([",\"pkg\":", &string(package), ",\"ver\":", &string(version)]);
    if is_full {
        let file = text::file(ident.span());
        let (line, column) = text::position(ident.span());
        let file = within_package(&file, &format!("{package}-{version}"));
        json.extend([",\"file\":", &string(file)]);
        json.extend([format!(",\"line\":{line},\"col\":{column},\"mod\":\"")]);
    }
    json
}

/// From `expires` to the end of line.
fn after(settings: &Settings, doc: &str, is_full: bool) -> String {
    let text = |literal: &Option<syn::LitStr>| literal.as_ref().map(syn::LitStr::value);
    let (expires, never) = match &settings.expires {
        Expires::On { literal, .. } => (Some(literal.value()), None),
        Expires::Never { reason } => (None, Some(reason.value())),
    };
    let mut json = format!(",\"expires\":{}", or_null(expires.as_deref()));
    if is_full {
        if let Some(never) = never {
            json.extend([",\"never\":", &string(&never)]);
        }
        for (name, text) in [
            ("owner", text(&settings.owner)),
            ("created", text(&settings.created)),
            ("ticket", text(&settings.ticket)),
            ("kind", settings.kind.as_ref().map(ToString::to_string)),
        ] {
            json.extend([",\"", name, "\":", &or_null(text.as_deref())]);
        }
        let doc = or_null(Some(doc).filter(|doc| !doc.is_empty()));
        let public = if settings.is_public { "true" } else { "false" };
        let provider = or_null(settings.provider.as_deref());
        json.extend([",\"public\":", public, ",\"provider\":", &provider, ",\"doc\":", &doc]);
    }
    json + "}\n"
}

/// The path from the package's folder on, for a registry package: the same on every machine.
fn within_package<'a>(file: &'a str, folder: &str) -> &'a str {
    let is_separator = |character| character == '/' || character == '\\';
    if !Path::new(file).is_absolute() {
        return file;
    }
    let starts = file.match_indices(folder).map(|(start, _)| start);
    let is_folder = |start: &usize| {
        let (before, behind) = (&file[..*start], &file[start + folder.len()..]);
        before.ends_with(is_separator) && behind.starts_with(is_separator)
    };
    starts.filter(is_folder).last().map_or(file, |start| &file[start..])
}

fn or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), string)
}

/// A JSON string.
fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json += "\\\"",
            '\\' => json += "\\\\",
            '\n' => json += "\\n",
            control if control < ' ' => json.extend([format!("\\u{:04x}", u32::from(control))]),
            character => json.push(character),
        }
    }
    json.push('"');
    json
}

/// Whether a Rust literal is a JSON number as it stands: digits, a point, digits, perhaps a sign before.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_numbers_are_written_as_such() {
        for text in ["0", "7", "-7", "0.5", "-12.25"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", ".5", "5.", "05", "1e3", "1_000", "0.5f32", "1.2.3", "MAX", "- 7"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn registry_paths_are_cut_to_the_package() {
        let cut = |path| within_package(path, "my-lib-1.2.3");
        assert_eq!(cut("/x/registry/src/index-123/my-lib-1.2.3/src/a.rs"), "my-lib-1.2.3/src/a.rs");
        assert_eq!(cut("src/a.rs"), "src/a.rs");
        assert_eq!(cut("/x/my-lib-1.2.30/src/a.rs"), "/x/my-lib-1.2.30/src/a.rs");
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("Größe \"a\" \\ \n \t \u{7f}"), "\"Größe \\\"a\\\" \\\\ \\n \\u0009 \u{7f}\"");
    }
}
