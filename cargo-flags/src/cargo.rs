//! Cargo: builds, checks and tests packages, and hands over what it says.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cargo_metadata::diagnostic::Diagnostic;
use cargo_metadata::{Artifact, CrateType, Message, Package, PackageId};

use crate::artifact::Inventory;
use crate::cli::{Origin, Packages};
use crate::failure::{Failure, warn};
use crate::workspace::{is_library, last_built, metadata, older_than_its_source, selected};

/// The records of what the options name: the files, or else the packages, which are built.
pub(crate) fn inventory(origin: &Origin) -> Result<Inventory, Failure> {
    if origin.artifact.is_empty() { Inventory::of(&build(&origin.packages)?) } else { Inventory::of(&origin.artifact) }
}

/// The records of what the last build of packages left: for verbs that ask a server, which build nothing. `otherwise` says what
/// else there is to do if that is nothing.
pub(crate) fn inventory_of_last_build(packages: &Packages, otherwise: &str) -> Result<Inventory, Failure> {
    if !packages.features.is_empty() || !packages.cargo.is_empty() {
        return Err(Failure::wrong(
            "where a server is asked nothing is built, so options for building would be ignored: build before, and name the files by \
             --artifact",
        ));
    }
    let files = last_built(packages)?;
    if let Some((file, source)) = older_than_its_source(&files, packages) {
        warn(format_args!(
            "{} is older than {}, so it tells of the past: build again (`cargo build --workspace --bins --examples --lib`)",
            file.display(),
            source.display()
        ));
    }
    if files.is_empty() {
        return Err(Failure::wrong(format!(
            "nothing is built here, and where a server is asked nothing is built: run `cargo build` before, or name files by \
             --artifact{otherwise}"
        )));
    }
    Inventory::of(&files)
}

/// Builds the selected packages; the files that carry records: programs, examples and libraries.
fn build(options: &Packages) -> Result<Vec<PathBuf>, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let packages = selected(&metadata, options)?;
    let mut command = cargo_on("build", &packages, options);
    command.arg("--message-format=json-render-diagnostics");
    if options.bin.is_empty() {
        command.args(["--bins", "--examples"]);
        // Cargo refuses `--lib` where no package has one.
        if packages.iter().flat_map(|package| &package.targets).any(is_library) {
            command.arg("--lib");
        }
    }
    command.args(&options.cargo);
    let mut artifacts = Vec::new();
    let is_built = run(&mut command, |message| {
        if let Message::CompilerArtifact(artifact) = message {
            artifacts.push(artifact);
        }
    })?;
    if !is_built {
        return Err(Failure::wrong("the build failed, so there is nothing to read flags from"));
    }
    let files: Vec<_> = packages.iter().flat_map(|package| files_of(&package.id, &artifacts)).collect();
    if files.is_empty() {
        let names: Vec<_> = packages.iter().map(|package| &**package.name).collect();
        warn(format_args!("{} builds no program and no library", names.join(", ")));
    }
    Ok(files)
}

/// Checks the selected packages, with tests, examples and benches unless the options choose; hands over what the compiler
/// says. Whether all of it compiles.
///
/// The environment is that of the check's own compiler, so that the answers of other builds are not mistaken for its own.
pub(crate) fn check(
    options: &Packages,
    environment: &[(&str, OsString)],
    mut hear: impl FnMut(Diagnostic),
) -> Result<bool, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let packages = selected(&metadata, options)?;
    let mut command = cargo_on("check", &packages, options);
    command.arg("--message-format=json").envs(environment.iter().cloned());
    if options.bin.is_empty() && !options.cargo.iter().any(|option| selects_targets(option)) {
        command.arg("--all-targets");
    }
    command.args(&options.cargo);
    let mut is_finished = false;
    let is_sound = run(&mut command, |message| match message {
        Message::CompilerMessage(message) => hear(message.message),
        Message::BuildFinished(_) => is_finished = true,
        _ => {}
    })?;
    if is_sound && !is_finished {
        return Err(Failure::wrong("cargo checked nothing: see what it says above, and the options behind `--`"));
    }
    Ok(is_sound)
}

/// Test programs that were built.
pub(crate) struct Tests {
    pub(crate) programs: Vec<PathBuf>,
    /// Whether they obey the environment: the feature `testing` is compiled into them.
    pub(crate) can_force: bool,
}

/// Builds the tests of the selected packages.
pub(crate) fn build_tests(options: &Packages) -> Result<Tests, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let packages = selected(&metadata, options)?;
    let mut command = cargo_on("test", &packages, options);
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    // Behind another `--` stands what is for the tests themselves.
    command.args(options.cargo.iter().take_while(|word| *word != "--"));
    let mut tests = Tests { programs: Vec::new(), can_force: false };
    let is_built = run(&mut command, |message| {
        if let Message::CompilerArtifact(artifact) = message {
            let is_runtime = artifact.target.is_lib() && artifact.target.name == "flags_runtime";
            tests.can_force |= is_runtime && artifact.features.iter().any(|feature| feature == "testing");
            tests.programs.extend(artifact.executable.filter(|_| artifact.profile.test).map(PathBuf::from));
        }
    })?;
    if is_built { Ok(tests) } else { Err(Failure::wrong("the tests do not compile")) }
}

/// Runs them in this environment; whether all passed.
pub(crate) fn run_tests(options: &Packages, environment: &[(&str, OsString)]) -> Result<bool, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let packages = selected(&metadata, options)?;
    let mut command = cargo_on("test", &packages, options);
    command.args(&options.cargo).envs(environment.iter().cloned());
    let status = command.status().map_err(|error| Failure::because("cargo cannot be run", error))?;
    Ok(status.success())
}

/// Whether an option of cargo says which targets of a package are meant.
fn selects_targets(option: &OsStr) -> bool {
    let option = option.to_string_lossy();
    let name = option.split('=').next().unwrap_or_default();
    [
        "--lib",
        "--bin",
        "--bins",
        "--example",
        "--examples",
        "--test",
        "--tests",
        "--bench",
        "--benches",
        "--all-targets",
    ]
    .contains(&name)
}

/// Cargo with a verb, to be run on these packages.
fn cargo_on(verb: &str, packages: &[&Package], options: &Packages) -> Command {
    let mut command = Command::new(cargo());
    command.arg(verb);
    if let Some(manifest) = &options.manifest_path {
        command.arg("--manifest-path").arg(manifest);
    }
    for package in packages {
        command.arg("--package").arg(&*package.name);
    }
    for bin in &options.bin {
        command.arg("--bin").arg(bin);
    }
    if options.release {
        command.arg("--release");
    }
    for features in &options.features {
        command.arg("--features").arg(features);
    }
    command
}

fn cargo() -> OsString {
    // Set by cargo for its subcommands: the cargo that the user called, whatever the path says.
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo and hands over its messages; whether it succeeded. What it says to people goes to stderr as usual.
fn run(command: &mut Command, mut hear: impl FnMut(Message)) -> Result<bool, Failure> {
    let not_run = |error| Failure::because("cargo cannot be run", error);
    let mut cargo = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(not_run)?;
    let mut broken = None;
    if let Some(stdout) = cargo.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            match message {
                Ok(message) => hear(message),
                Err(error) => broken = Some(error),
            }
        }
    }
    let status = cargo.wait().map_err(not_run)?;
    match broken {
        Some(error) if status.success() => Err(Failure::because("cargo's messages cannot be read", error)),
        _ => Ok(status.success()),
    }
}

/// The files of one package that carry records: what is linked, and its Rust library, which may be in none of them.
fn files_of(package: &PackageId, artifacts: &[Artifact]) -> Vec<PathBuf> {
    let own: Vec<_> = artifacts.iter().filter(|artifact| artifact.package_id == *package).collect();
    let mut found: BTreeSet<PathBuf> =
        own.iter().filter_map(|artifact| artifact.executable.clone()).map(Into::into).collect();
    let with_extension = |artifact: &Artifact, extensions: &[&str]| {
        let has_one =
            |file: &&cargo_metadata::camino::Utf8PathBuf| file.extension().is_some_and(|e| extensions.contains(&e));
        artifact.filenames.iter().filter(has_one).map(|file| file.clone().into()).collect::<Vec<PathBuf>>()
    };
    for artifact in own {
        if artifact.target.crate_types.contains(&CrateType::CDyLib) {
            found.extend(with_extension(artifact, &DYNAMIC));
        }
        if is_library(&artifact.target) {
            found.extend(with_extension(artifact, &["rlib"]));
        }
    }
    found.into_iter().collect()
}

/// The file extensions of dynamic libraries.
const DYNAMIC: [&str; 3] = ["so", "dylib", "dll"];
