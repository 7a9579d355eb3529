//! Declaration: the source text of a new flag, and the place in a package's sources where it belongs.
//!
//! Sources are read with the parser of the compiler's own macros, so that nothing is put into the middle of something; their text
//! is kept to the letter.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Item, UseTree};

use crate::failure::Failure;
use crate::sources;

/// Where a declaration goes.
#[derive(Debug)]
pub(crate) struct Home {
    /// The file that gets it.
    pub(crate) file: PathBuf,
    /// The text of the file as it is; none if there is none yet.
    text: Option<String>,
    /// The file that has to name the new file as a module.
    root: Option<PathBuf>,
}

/// The module that is made where a package declares no flag yet.
const MODULE: &str = "flags";

impl Home {
    /// The file that is named; else the one of the package that declares the most flags, else its module `flags`, which is made
    /// if there is none.
    pub(crate) fn of(named: Option<&Path>, roots: &[PathBuf]) -> Result<Self, Failure> {
        if let Some(file) = named {
            // As the package's own files are called.
            let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            return Ok(Self { file: absolute, text: Some(read(file)?), root: None });
        }
        let Some(root) = roots.first() else {
            return Err(Failure::wrong(
                "the package has neither a library nor a program to declare a flag in: name a file by --in",
            ));
        };
        let folder = root.parent().unwrap_or(Path::new("."));
        let mut files = Vec::new();
        for root in roots {
            files.extend(root.parent().map(sources::below).unwrap_or_default());
        }
        files.sort();
        files.dedup();
        let declared = |file: &PathBuf| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text.matches("#[feature_flag(").count() + text.matches("#[flags_runtime::feature_flag(").count()
        };
        // Of several with as many the first.
        let most = files.iter().rev().max_by_key(|file| declared(file)).filter(|file| declared(file) > 0);
        if let Some(file) = most {
            return Ok(Self { file: file.clone(), text: Some(read(file)?), root: None });
        }
        let file = [folder.join(format!("{MODULE}.rs")), folder.join(MODULE).join("mod.rs")];
        match file.iter().find(|file| file.is_file()) {
            Some(file) => Ok(Self { file: file.clone(), text: Some(read(file)?), root: None }),
            None => Ok(Self { file: file[0].clone(), text: None, root: Some(root.clone()) }),
        }
    }

    /// Each file that changes, with its new text and the line that the declaration begins at in the first.
    pub(crate) fn with(&self, declaration: &Declaration) -> Result<(Vec<(PathBuf, String)>, usize), Failure> {
        let Some(text) = &self.text else {
            let header = "//! The feature flags of this crate.\n\nuse flags_runtime::{Flag, feature_flag};\n\n";
            let mut files = vec![(self.file.clone(), format!("{header}{}", declaration.text(true)))];
            if let Some(root) = &self.root {
                files.push((root.clone(), with_module(root, &read(root)?)?));
            }
            return Ok((files, header.lines().count() + 1));
        };
        let parsed = parse(&self.file, text)?;
        let text_of = declaration.text(imports(&parsed.items));
        // Behind the last flag, else behind the imports, else at the end.
        let flag = parsed.items.iter().rposition(|item| matches!(item, Item::Verbatim(tokens) if is_flag(tokens)));
        let import = parsed.items.iter().rposition(|item| matches!(item, Item::Use(_)));
        let after = flag.or(import).map_or(text.lines().count(), |index| line_behind(&parsed.items[index]));
        let (before, behind) = split(text, after);
        let between = if before.trim().is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
        let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let gap = if behind.trim().is_empty() || behind.starts_with('\n') { "" } else { "\n" };
        let line = before.lines().count() + between.len() + 1;
        Ok((vec![(self.file.clone(), format!("{before}{newline}{between}{text_of}{gap}{behind}"))], line))
    }
}

/// A new flag, as it is declared.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) doc: String,
    pub(crate) constant: String,
    pub(crate) value_type: String,
    /// `name = "x"` and so on.
    pub(crate) arguments: Vec<String>,
}

/// A line of code is not longer.
const WIDTH: usize = 100;

impl Declaration {
    /// The text, with a line feed at its end.
    fn text(&self, is_imported: bool) -> String {
        let path = if is_imported { "" } else { "flags_runtime::" };
        let Self { doc, constant, value_type, arguments } = self;
        let one_line = format!("#[{path}feature_flag({})]", arguments.join(", "));
        let attribute = if one_line.len() <= WIDTH {
            one_line
        } else {
            format!("#[{path}feature_flag(\n    {},\n)]", arguments.join(",\n    "))
        };
        format!("/// {doc}\n{attribute}\npub static {constant}: {path}Flag<{value_type}>;\n")
    }
}

/// Whether both names are imported.
fn imports(items: &[Item]) -> bool {
    fn names(tree: &UseTree, name: &str) -> bool {
        match tree {
            UseTree::Path(path) => names(&path.tree, name),
            UseTree::Name(leaf) => leaf.ident == name,
            UseTree::Group(group) => group.items.iter().any(|tree| names(tree, name)),
            UseTree::Rename(_) | UseTree::Glob(_) => false,
        }
    }
    let of_runtime = |item: &Item| match item {
        Item::Use(import) => match &import.tree {
            UseTree::Path(path) if path.ident == "flags_runtime" => Some(import.tree.clone()),
            _ => None,
        },
        _ => None,
    };
    let trees: Vec<_> = items.iter().filter_map(of_runtime).collect();
    ["Flag", "feature_flag"].iter().all(|name| trees.iter().any(|tree| names(tree, name)))
}

/// A static without a value: what the attribute takes, and no other item.
fn is_flag(tokens: &proc_macro2::TokenStream) -> bool {
    let text = tokens.to_string();
    text.contains("feature_flag") && text.contains("static")
}

/// The root file with the module named: behind the last module, else before the first item.
fn with_module(root: &Path, text: &str) -> Result<String, Failure> {
    let parsed = parse(root, text)?;
    let is_module = |item: &Item| matches!(item, Item::Mod(module) if module.content.is_none());
    let last = parsed.items.iter().rposition(is_module);
    let line = match last {
        Some(index) => line_behind(&parsed.items[index]),
        None => parsed.items.first().map_or(text.lines().count(), |item| first_line(item.span()).saturating_sub(1)),
    };
    let (before, behind) = split(text, line);
    // A library's users read its flags, too.
    let visibility = if root.file_name().is_some_and(|name| name == "lib.rs") { "pub " } else { "" };
    let gap = if last.is_some() || behind.starts_with('\n') { "" } else { "\n" };
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{before}{newline}{visibility}mod {MODULE};\n{gap}{behind}"))
}

fn first_line(span: Span) -> usize {
    span.start().line
}

/// How many lines stand up to the end of an item.
fn line_behind(item: &Item) -> usize {
    item.span().end().line
}

/// The text up to so many lines, and the rest.
fn split(text: &str, lines: usize) -> (&str, &str) {
    let end = text.split_inclusive('\n').take(lines).map(str::len).sum();
    text.split_at(end)
}

fn parse(file: &Path, text: &str) -> Result<syn::File, Failure> {
    syn::parse_file(text).map_err(|error| {
        let place = error.span().start();
        Failure::because(
            format!(
                "{}:{}:{} cannot be read as Rust, so nothing is put there",
                file.display(),
                place.line,
                place.column + 1
            ),
            error,
        )
    })
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::because(format!("{} cannot be read", file.display()), error))
}
