//! `new`: the declaration of a new flag, put where the package's flags are.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::json;

use crate::artifact::Inventory;
use crate::cli::Packages;
use crate::day;
use crate::declaration::{Declaration, Home};
use crate::failure::{Failure, note, warn};
use crate::report::{self, Format, Rows};
use crate::workspace;

/// Declare a new flag: write it into the module where the package's flags are
///
/// That is the file that declares the most of them, else the module `flags`, which is made if there is none. The flag expires
/// after as long as its kind lives: `release` and `experiment` 40 days, `ops` 7 days; a kill switch and a permission never, for
/// which they need a reason. Nothing is built.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name: `a` to `z`, `0` to `9`, `_`, `.`, `-`
    name: String,

    /// What it is for, which says how long it lives
    #[arg(long, value_enum, default_value_t)]
    kind: FlagKind,

    /// The Rust type of its values
    #[arg(long = "type", value_name = "TYPE", default_value = "bool")]
    value_type: String,

    /// What it is without a document, as Rust [default: `false`, `0`, `0.0` or `""` by type]
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    default: Option<String>,

    /// Its last day, as YYYY-MM-DD, instead of that of its kind
    #[arg(long, value_name = "DATE", value_parser = day::date, conflicts_with = "reason")]
    expires: Option<Date>,

    /// Why it never expires
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,

    /// Who is asked about it
    #[arg(long, value_name = "TEAM")]
    owner: Option<String>,

    /// Its ticket
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,

    /// A sentence about it, for its documentation
    #[arg(long, value_name = "SENTENCE")]
    doc: Option<String>,

    /// This source file
    #[arg(long = "in", value_name = "FILE")]
    file: Option<PathBuf>,

    /// This package of the workspace [default: the package of the working directory]
    #[arg(short, long, value_name = "PKG")]
    package: Option<String>,

    /// The Cargo.toml to start from [default: that of the working directory]
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,

    /// Write nothing, only show it
    #[arg(long)]
    dry_run: bool,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a flag is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FlagKind {
    /// Code that is on its way to everybody
    #[default]
    Release,
    /// A comparison of variants
    Experiment,
    /// Something that is watched while it is introduced
    Ops,
    /// A switch for bad days
    KillSwitch,
    /// What some users are entitled to
    Permission,
}

impl FlagKind {
    /// The word of the attribute.
    fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Experiment => "experiment",
            Self::Ops | Self::KillSwitch => "ops",
            Self::Permission => "permission",
        }
    }

    /// How many days it lives; none for ever.
    fn days(self) -> Option<i64> {
        match self {
            Self::Release | Self::Experiment => Some(40),
            Self::Ops => Some(7),
            Self::KillSwitch | Self::Permission => None,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let packages = Packages {
        package: arguments.package.clone(),
        manifest_path: arguments.manifest_path.clone(),
        ..Packages::default()
    };
    let name = &arguments.name;
    check_name(name)?;
    let package = workspace::package(&packages)?;
    if !package.depends_on("flags-runtime") {
        warn(format_args!("the package `{}` does not depend on `flags-runtime` yet: `cargo add` it", package.name));
    }
    let declaration = declaration(arguments)?;
    refuse_second(name, &declaration.constant, &packages, &package)?;
    let home = Home::of(arguments.file.as_deref(), &package.roots)?;
    let (files, line) = home.with(&declaration)?;
    if !arguments.dry_run {
        for (file, text) in &files {
            fs::write(file, text)
                .map_err(|error| Failure::because(format!("{} cannot be written", file.display()), error))?;
        }
    }
    let shown = |file: &Path| file.strip_prefix(&package.folder).unwrap_or(file).display().to_string();
    let text = declared(&files[0].1, line);
    let place = format!("{}:{line}", shown(&home.file));
    let read = format!("flag!({}::{})", home.path, declaration.constant);
    let mut rows = Rows::new(&["field", "value"]);
    rows.push(vec!["flag".to_owned(), name.clone()]);
    rows.push(vec![if arguments.dry_run { "would be at" } else { "declared at" }.to_owned(), place]);
    for (file, _) in &files[1..] {
        rows.push(vec!["module named in".to_owned(), shown(file)]);
    }
    rows.push(vec!["read it by".to_owned(), read.clone()]);
    let written: Vec<_> = files.iter().map(|(file, _)| file.display().to_string()).collect();
    let json = json!({
        "name": name, "constant": declaration.constant, "file": written[0], "line": line, "files": written, "text": text,
        "read_by": read, "is_written": !arguments.dry_run,
    });
    report::print(arguments.format.into(), &rows, &json)?;
    if arguments.dry_run && arguments.format != Format::Json {
        report::print_text(&format!("\n{text}"))?;
    }
    if arguments.owner.is_none() {
        note(format_args!("nobody is asked about `{name}`: name a team by --owner, or in the declaration"));
    }
    Ok(())
}

/// The lines of the declaration, of a file that begins them at a line.
fn declared(text: &str, line: usize) -> String {
    let mut lines = String::new();
    for line in text.lines().skip(line - 1) {
        lines.push_str(line);
        lines.push('\n');
        if line.starts_with("pub static ") {
            break;
        }
    }
    lines
}

fn check_name(name: &str) -> Result<(), Failure> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins_well && name.len() <= 128 && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(Failure::wrong(format!(
        "`{name}` is no name for a new flag: write at most 128 of `a` to `z`, `0` to `9`, `_`, `.` and `-`, a letter first, like \
         `new_checkout`"
    )))
}

fn declaration(arguments: &Arguments) -> Result<Declaration, Failure> {
    let Arguments { name, kind, value_type, default, expires, reason, owner, ticket, doc, .. } = arguments;
    syn::parse_str::<syn::Type>(value_type)
        .map_err(|error| Failure::because(format!("--type: `{value_type}` is no Rust type"), error))?;
    let default = match (default, &**value_type) {
        (Some(default), _) => default.clone(),
        (None, "bool") => "false".to_owned(),
        (None, "f32" | "f64") => "0.0".to_owned(),
        (None, "String") => "\"\"".to_owned(),
        (None, "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize") => "0".to_owned(),
        (None, _) => {
            return Err(Failure::wrong(format!("a flag of type `{value_type}` needs a default: --default EXPRESSION")));
        }
    };
    let expression = syn::parse_str::<syn::Expr>(&default)
        .map_err(|error| Failure::because(format!("--default: `{default}` is no Rust expression"), error))?;
    let default = fitting(&default, &expression, value_type)?;
    for (option, text) in [("--owner", owner), ("--ticket", ticket), ("--reason", reason), ("--doc", doc)] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err(Failure::wrong(format!("{option} is empty: leave it out, or write something")));
        }
    }
    let today = day::today();
    if let Some(date) = expires.filter(|date| *date < today) {
        return Err(Failure::wrong(format!("--expires: {date} is over already, so the flag would be born expired")));
    }
    let expires = match (expires, reason, kind.days()) {
        (Some(date), _, _) => format!("expires = \"{date}\""),
        (None, Some(reason), _) => format!("expires = never({})", literal(reason)),
        (None, None, Some(days)) => format!("expires = \"{}\"", day::after(today, days)),
        (None, None, None) => {
            return Err(Failure::wrong(
                "a flag that never expires needs a reason that its readers understand in a year: --reason \"..\" (or give it a last \
                 day by --expires)",
            ));
        }
    };
    let mut parts = vec![format!("name = \"{name}\""), format!("default = {default}"), expires];
    parts.push(format!("created = \"{today}\""));
    parts.extend(owner.as_ref().map(|owner| format!("owner = {}", literal(owner))));
    parts.extend(ticket.as_ref().map(|ticket| format!("ticket = {}", literal(ticket))));
    parts.push(format!("kind = {}", kind.word()));
    let doc = doc.as_deref().map_or_else(|| format!("{name}: say what it switches."), one_line);
    let constant = name.replace(['.', '-'], "_").to_ascii_uppercase();
    Ok(Declaration { doc, constant, value_type: value_type.clone(), arguments: parts })
}

/// A default as the type takes it: a literal that does not fit is an error, and a whole number is a float where one is wanted.
fn fitting(text: &str, expression: &syn::Expr, value_type: &str) -> Result<String, Failure> {
    let (is_negative, literal) = match expression {
        syn::Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => (true, &**expr),
        other => (false, other),
    };
    let syn::Expr::Lit(syn::ExprLit { lit, .. }) = literal else { return Ok(text.to_owned()) };
    let number =
        |lit: &syn::LitInt| lit.base10_parse::<i128>().ok().map(|number| if is_negative { -number } else { number });
    let within =
        |lit: &syn::LitInt, least: i128, most: i128| number(lit).is_some_and(|number| (least..=most).contains(&number));
    let fits = match (lit, value_type) {
        (syn::Lit::Bool(_), "bool") | (syn::Lit::Str(_), "String") | (syn::Lit::Float(_), "f32" | "f64") => true,
        (syn::Lit::Int(lit), "f32" | "f64") if lit.suffix().is_empty() => return Ok(format!("{text}.0")),
        (syn::Lit::Int(lit), "u8") => within(lit, 0, u8::MAX.into()),
        (syn::Lit::Int(lit), "u16") => within(lit, 0, u16::MAX.into()),
        (syn::Lit::Int(lit), "u32") => within(lit, 0, u32::MAX.into()),
        (syn::Lit::Int(lit), "u64" | "usize") => within(lit, 0, u64::MAX.into()),
        (syn::Lit::Int(lit), "i8") => within(lit, i8::MIN.into(), i8::MAX.into()),
        (syn::Lit::Int(lit), "i16") => within(lit, i16::MIN.into(), i16::MAX.into()),
        (syn::Lit::Int(lit), "i32") => within(lit, i32::MIN.into(), i32::MAX.into()),
        (syn::Lit::Int(lit), "i64" | "isize") => within(lit, i64::MIN.into(), i64::MAX.into()),
        // What other types take rustc knows.
        (_, other) => !SCALARS.contains(&other),
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Failure::wrong(format!("--default: `{text}` is no value of `{value_type}`")))
    }
}

const SCALARS: [&str; 14] =
    ["bool", "String", "f32", "f64", "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];

/// A string of Rust.
fn literal(text: &str) -> String {
    format!("{text:?}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error where the name is taken: in what was built last, or in the sources.
fn refuse_second(
    name: &str,
    constant: &str,
    packages: &Packages,
    package: &workspace::PackageHere,
) -> Result<(), Failure> {
    let built = Packages { workspace: packages.package.is_none(), ..packages.clone() };
    let inventory = Inventory::of_readable(&workspace::last_built(&built).unwrap_or_default());
    if let Some(flag) = inventory.declared(name).first() {
        let place = flag.place().unwrap_or_else(|| flag.package.clone());
        return Err(Failure::wrong(format!("the flag `{name}` is declared already: {place}")));
    }
    for file in package.sources() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let is_taken =
            |line: &str| line.contains(&format!("name = \"{name}\"")) || line.contains(&format!("static {constant}:"));
        if let Some(line) = text.lines().position(is_taken) {
            let file = file.display();
            return Err(Failure::wrong(format!("`{name}` or {constant} is declared already: {file}:{}", line + 1)));
        }
    }
    Ok(())
}
