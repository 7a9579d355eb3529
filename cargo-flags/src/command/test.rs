//! `test`: `cargo test` with forced flags, whose names and values are checked against what the tests are built from.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use serde::de::IgnoredAny;

use crate::artifact::{FlagRecord, Inventory};
use crate::cargo;
use crate::cli::Packages;
use crate::failure::{Failure, note, warn};
use crate::fit;

/// Run cargo test with forced flags
///
/// Builds the tests, checks names and values against the flags that they have, and runs them with `FLAGS_FORCE`. What a test forces
/// itself stands above it. What stands behind `--` goes to cargo test: `-- checkout -- --nocapture`. The exit code is 1 if a test fails.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Force a flag, or several: `new_checkout=true,pricing=variant_b`
    #[arg(long, value_name = "NAME=VALUE,..")]
    force: Vec<String>,

    /// Force every bool flag on, but for those that --force names
    #[arg(long, conflicts_with = "all_off")]
    all_on: bool,

    /// Force every bool flag off, but for those that --force names
    #[arg(long)]
    all_off: bool,

    #[command(flatten)]
    packages: Packages,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let forced: Vec<Vec<&str>> = arguments.force.iter().map(|text| split(text)).collect::<Result<_, _>>()?;
    let forced = forced.concat();
    let all = [(arguments.all_on, "all-on"), (arguments.all_off, "all-off")];
    let all = all.into_iter().filter_map(|(is_given, word)| is_given.then_some(word));
    let variable: Vec<_> = all.chain(forced.iter().copied()).collect();
    if variable.is_empty() {
        return Err(Failure::wrong(
            "nothing is forced: give --force NAME=VALUE, --all-on or --all-off, or run `cargo test` itself",
        ));
    }
    let tests = cargo::build_tests(&arguments.packages)?;
    if !tests.can_force {
        return Err(Failure::wrong(
            "these tests are built without the feature `testing` of flags-runtime, and would not obey: add it under \
             [dev-dependencies]",
        ));
    }
    let is_obeying = |program: &&PathBuf| program.parent().is_some_and(|folder| folder.ends_with("deps"));
    if let Some(other) = tests.programs.iter().find(|program| !is_obeying(program)) {
        warn(format_args!(
            "{} will not obey: what is forced is forced in tests and benches, not in examples",
            other.display()
        ));
    }
    let inventory = Inventory::of(&tests.programs)?;
    for word in forced {
        check(word, &inventory)?;
    }
    let variable = variable.join(",");
    note(format_args!("FLAGS_FORCE={variable}"));
    if cargo::run_tests(
        &arguments.packages,
        &[("FLAGS_FORCE", OsString::from(&variable)), ("FLAGS_FORCE_CHECKED", "1".into())],
    )? {
        return Ok(());
    }
    Err(Failure::denied(format!("cargo test failed with FLAGS_FORCE={variable}")))
}

fn check(word: &str, inventory: &Inventory) -> Result<(), Failure> {
    let Some((name, value)) = word.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
        return Err(Failure::wrong(format!("--force: `{word}` is given no value: write `{word}=true`")));
    };
    let Some(flag) = inventory.flag(name) else {
        let suggestion = inventory.did_you_mean(name);
        return Err(Failure::wrong(format!("--force: none of these tests has a flag `{name}`{suggestion}")));
    };
    fits(flag, value).map_err(|why| Failure::wrong(format!("--force: {why}")))
}

/// Whether a flag takes a word, as JSON or as a plain word.
fn fits(flag: &FlagRecord, value: &str) -> Result<(), String> {
    if flag.value_type == "bool" {
        let is_bool = matches!(value, "true" | "false");
        return if is_bool {
            Ok(())
        } else {
            Err(format!("`{value}` is no value of `{}`: write `true` or `false`", flag.name))
        };
    }
    let is_json = serde_json::from_str::<IgnoredAny>(value).is_ok();
    if is_json && fit::fits(flag, value).is_ok() {
        return Ok(());
    }
    let quoted = serde_json::Value::from(value).to_string();
    // What may be an alias the program itself knows.
    match fit::fits(flag, if is_json && flag.value_type != "enum" { value } else { &quoted }) {
        Err(misfit) if !misfit.may_be_alias => Err(misfit.message),
        _ => Ok(()),
    }
}

/// The parts between commas; a value that begins as JSON ends as JSON does. The runtime reads them the same way.
fn split(text: &str) -> Result<Vec<&str>, Failure> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let comma = rest.find(',').unwrap_or(rest.len());
        let begins_json = |at: &usize| rest[*at..].trim_start().starts_with(['"', '{', '[']);
        let end = match rest[..comma].find('=').map(|at| at + 1).filter(begins_json) {
            None => comma,
            Some(at) => {
                let mut values = serde_json::Deserializer::from_str(&rest[at..]).into_iter::<IgnoredAny>();
                let is_whole = values.next().is_some_and(|value| value.is_ok());
                let end = at + values.byte_offset();
                let is_alone = rest[end..].trim_start().starts_with(',') || rest[end..].trim().is_empty();
                if !is_whole || !is_alone {
                    let message = "begins with a value that is no whole JSON: close its quotes and brackets";
                    return Err(Failure::wrong(format!("--force: `{rest}` {message}")));
                }
                end + rest[end..].find(',').unwrap_or(rest.len() - end)
            }
        };
        parts.extend(Some(rest[..end].trim()).filter(|part| !part.is_empty()));
        rest = rest[end..].strip_prefix(',').unwrap_or_default();
    }
    Ok(parts)
}
