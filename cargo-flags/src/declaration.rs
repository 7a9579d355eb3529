//! Declaration: the source text of a new flag, and the place in a package's sources where it belongs.
//!
//! Sources are read with the parser of the compiler's own macros, so that nothing is put into the middle of something; their text
//! is kept to the letter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Item, UseTree};

use crate::failure::Failure;

/// Where a declaration goes.
#[derive(Debug)]
pub(crate) struct Home {
    /// The file that gets it.
    pub(crate) file: PathBuf,
    /// Its module, from the root of its crate: `crate::cart`.
    pub(crate) path: String,
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
        let modules = Modules::of(roots);
        if let Some(named) = named {
            let text = read(named)?;
            let file = named.canonicalize().unwrap_or_else(|_| named.to_owned());
            let Some(path) = modules.path(&file) else {
                return Err(Failure::wrong(format!(
                    "{} is no file of this package's library or programs: no `mod` leads to it, so a flag there would not be compiled",
                    named.display()
                )));
            };
            return Ok(Self { path, file, text: Some(text), root: None });
        }
        let Some(root) = roots.first() else {
            return Err(Failure::wrong("the package has neither a library nor a program to declare a flag in"));
        };
        let declared = |file: &Path| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text.matches("#[feature_flag(").count() + text.matches("#[flags_runtime::feature_flag(").count()
        };
        // Of several with as many the first.
        let most = modules.0.iter().rev().max_by_key(|(file, _)| declared(file)).filter(|(file, _)| declared(file) > 0);
        if let Some((file, path)) = most {
            return Ok(Self { path: path.clone(), file: file.clone(), text: Some(read(file)?), root: None });
        }
        let own = format!("crate::{MODULE}");
        if let Some((file, path)) = modules.0.iter().find(|(_, path)| **path == own) {
            return Ok(Self { path: path.clone(), file: file.clone(), text: Some(read(file)?), root: None });
        }
        let is_taken = parse(root, &read(root)?)?
            .items
            .iter()
            .any(|item| matches!(item, Item::Mod(module) if module.ident == MODULE));
        let folder = root.parent().unwrap_or(Path::new("."));
        // A file beside a program of `src/bin` would be another program.
        let is_main = root.file_name().is_some_and(|name| name == "main.rs" || name == "lib.rs");
        if is_taken || !is_main {
            return Ok(Self { path: "crate".to_owned(), file: root.clone(), text: Some(read(root)?), root: None });
        }
        let file = folder.join(format!("{MODULE}.rs"));
        if file.exists() || folder.join(MODULE).join("mod.rs").exists() {
            return Err(Failure::wrong(format!(
                "there is a module `{MODULE}` in {}, and no `mod {MODULE};` leads to it: name it in {}, or another file by --in",
                folder.display(),
                root.display()
            )));
        }
        Ok(Self { path: own, file, text: None, root: Some(root.clone()) })
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
        let is_apart = before.trim().is_empty() || before.ends_with("\n\n") || before.ends_with("\n\r\n");
        let between = if is_apart { "" } else { "\n" };
        let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let gap = if behind.trim().is_empty() || behind.starts_with(['\n', '\r']) { "" } else { "\n" };
        let line = before.lines().count() + between.len() + 1;
        let mut added = format!("{newline}{between}{text_of}{gap}");
        if before.contains("\r\n") {
            added = added.replace('\n', "\r\n");
        }
        Ok((vec![(self.file.clone(), format!("{before}{added}{behind}"))], line))
    }
}

/// The source files of a package that its crates are made of, with the module that each is.
struct Modules(BTreeMap<PathBuf, String>);

impl Modules {
    fn of(roots: &[PathBuf]) -> Self {
        let mut modules = Self(BTreeMap::new());
        for root in roots {
            let folder = root.parent().unwrap_or(Path::new(".")).to_owned();
            modules.add(root, "crate", &folder);
        }
        modules
    }

    /// The module of a file, whatever the file is called here.
    fn path(&self, file: &Path) -> Option<String> {
        let is_it = |known: &Path| known == file || known.canonicalize().is_ok_and(|known| known == file);
        self.0.iter().find(|(known, _)| is_it(known)).map(|(_, path)| path.clone())
    }

    /// Adds a file, and the files of its modules, which are in `folder`.
    fn add(&mut self, file: &Path, path: &str, folder: &Path) {
        if self.0.contains_key(file) {
            return;
        }
        let Ok(text) = fs::read_to_string(file) else { return };
        self.0.insert(file.to_owned(), path.to_owned());
        // What cannot be read has no modules; whoever writes there hears of it.
        let items = syn::parse_file(&text).map(|file| file.items).unwrap_or_default();
        self.add_items(&items, path, folder, file.parent().unwrap_or(folder));
    }

    fn add_items(&mut self, items: &[Item], path: &str, folder: &Path, beside: &Path) {
        for item in items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let (path, plain) = (format!("{path}::{name}"), name.trim_start_matches("r#").to_owned());
            let inner = folder.join(&plain);
            if let Some((_, items)) = &module.content {
                self.add_items(items, &path, &inner, &inner);
                continue;
            }
            if let Some(named) = path_attribute(module) {
                let file = beside.join(named);
                let folder = file.parent().unwrap_or(beside).to_owned();
                self.add(&file, &path, &folder);
                continue;
            }
            let candidates = [folder.join(format!("{plain}.rs")), inner.join("mod.rs")];
            if let Some(file) = candidates.iter().find(|file| file.is_file()) {
                self.add(file, &path, &inner);
            }
        }
    }
}

/// The file of `#[path = "file.rs"]`.
fn path_attribute(module: &syn::ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }) if pair.path.is_ident("path") => {
                Some(file.value())
            }
            _ => None,
        }
    })
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
