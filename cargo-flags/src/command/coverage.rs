//! `coverage`: which sides of flags a test run never saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::artifact::Inventory;
use crate::cli::Packages;
use crate::failure::{Failure, note, warn};
use crate::report::{self, ListFormat, Rows};
use crate::workspace;

/// Show which sides of flags a test run has not seen
///
/// Tests leave what they saw where the variable `FLAGS_COVERAGE` says: `FLAGS_COVERAGE=target/flags-coverage cargo test --workspace`. A bool
/// has two sides, an enum its variants; of other types nothing is covered. Delete the folder before a new run.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The folder that the tests wrote to [default: target/flags-coverage below the workspace]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// The Cargo.toml to start from [default: that of the working directory]
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,

    /// List the flags of which all sides were seen, too
    #[arg(long)]
    all: bool,

    /// End with exit code 1 if a side of a flag was not seen
    #[arg(long)]
    deny: bool,

    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// A line of a test binary: a flag that it has, or an answer that it saw.
#[derive(Deserialize)]
struct Told {
    flag: String,
    variant: Option<String>,
    #[serde(default)]
    variants: Vec<String>,
    package: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// One flag, as it is written in JSON.
#[derive(Default, Serialize)]
struct Covered {
    flag: String,
    package: String,
    file: String,
    line: u32,
    seen: BTreeSet<String>,
    missing: Vec<String>,
    #[serde(skip)]
    variants: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = if let Some(folder) = &arguments.dir {
        folder.clone()
    } else {
        let packages = Packages { manifest_path: arguments.manifest_path.clone(), ..Packages::default() };
        workspace::root(packages.manifest_path.as_deref())
            .ok_or_else(|| Failure::wrong("cargo finds no package here: name the folder by --dir"))?
            .join("target/flags-coverage")
    };
    let mut flags = read(&folder)?;
    add_unread(&mut flags, arguments.manifest_path.clone());
    for flag in flags.values_mut() {
        flag.missing = flag.variants.iter().filter(|variant| !flag.seen.contains(*variant)).cloned().collect();
    }
    let is_wanted = |flag: &&Covered| arguments.all || !flag.missing.is_empty();
    let wanted: Vec<_> = flags.values().filter(is_wanted).collect();
    let mut rows = Rows::new(&["flag", "seen", "never", "package", "declared at"]);
    for flag in &wanted {
        let seen: Vec<_> = flag.seen.iter().map(String::as_str).collect();
        let place = format!("{}:{}", flag.file, flag.line);
        rows.push(vec![flag.flag.clone(), seen.join(", "), flag.missing.join(", "), flag.package.clone(), place]);
    }
    let missing = flags.values().filter(|flag| !flag.missing.is_empty()).count();
    report::print(arguments.format, &rows, &wanted)?;
    note(format_args!("{} of {} flags were seen from all sides", flags.len() - missing, flags.len()));
    if arguments.deny && missing > 0 {
        return Err(Failure::denied(format!("of {missing} flags a side was never seen by a test")));
    }
    Ok(())
}

/// Adds the flags of the workspace's last build of which no test told: a test program that reads no flag tells of none.
fn add_unread(flags: &mut BTreeMap<String, Covered>, manifest_path: Option<PathBuf>) {
    let packages = Packages { workspace: true, manifest_path, ..Packages::default() };
    let built = Inventory::of_readable(&workspace::last_built(&packages).unwrap_or_default());
    for flag in built.flags {
        let variants = if flag.value_type == "bool" { vec!["off".to_owned(), "on".to_owned()] } else { flag.variants };
        if !variants.is_empty() && !flags.contains_key(&flag.name) {
            let covered = Covered {
                flag: flag.name.clone(),
                package: flag.package,
                file: flag.file.unwrap_or_default(),
                line: flag.line.unwrap_or_default(),
                variants,
                ..Covered::default()
            };
            flags.insert(flag.name, covered);
        }
    }
}

fn read(folder: &Path) -> Result<BTreeMap<String, Covered>, Failure> {
    let shown = folder.display();
    let how = "run `FLAGS_COVERAGE=target/flags-coverage cargo test` before";
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::because(format!("there is no coverage in {shown} ({how})"), error))?;
    let mut flags: BTreeMap<String, Covered> = BTreeMap::new();
    let mut files = 0;
    for entry in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if entry.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&entry)
            .map_err(|error| Failure::because(format!("{} cannot be read", entry.display()), error))?;
        for line in text.lines() {
            let Ok(told) = serde_json::from_str::<Told>(line) else {
                warn(format_args!("{} holds a line that no test wrote whole", entry.display()));
                continue;
            };
            let flag = flags.entry(told.flag.clone()).or_default();
            flag.flag = told.flag;
            flag.seen.extend(told.variant);
            if let (Some(package), Some(file)) = (told.package, told.file) {
                (flag.package, flag.file, flag.line) = (package, file, told.line.unwrap_or_default());
                flag.variants = told.variants;
            }
        }
    }
    if files == 0 {
        return Err(Failure::wrong(format!("there is no coverage in {shown} ({how})")));
    }
    // Of other types than bools and enums there is nothing to say.
    flags.retain(|_, flag| !flag.variants.is_empty());
    Ok(flags)
}
