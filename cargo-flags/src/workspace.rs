//! Workspace: the built files of packages: builds them, or finds what an earlier build left.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::diagnostic::Diagnostic;
use cargo_metadata::{Artifact, CrateType, Message, Metadata, MetadataCommand, Package, PackageId, Target};

use crate::artifact::Inventory;
use crate::cli::{Origin, Packages};
use crate::failure::{Failure, warn};
use crate::{sources, suggestion};

/// The records of what the options name: the files, or else the packages, which are built.
pub(crate) fn inventory(origin: &Origin) -> Result<Inventory, Failure> {
    if origin.artifact.is_empty() { Inventory::of(&build(&origin.packages)?) } else { Inventory::of(&origin.artifact) }
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

/// What earlier builds left of the selected packages. Builds nothing and asks no network.
///
/// # Errors
///
/// If there is no package here, or not the one that is named.
pub(crate) fn last_built(options: &Packages) -> Result<Vec<PathBuf>, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let packages = selected(&metadata, options)?;
    let mut found = Vec::new();
    for profile in profiles(metadata.target_directory.as_std_path()) {
        if options.release && !profile.ends_with("release") {
            continue;
        }
        for package in &packages {
            found.extend(built_in(&profile, package, &options.bin));
        }
    }
    Ok(found)
}

/// A built file that is older than a source of these packages, if there is one, with that source.
pub(crate) fn older_than_its_source(files: &[PathBuf], options: &Packages) -> Option<(PathBuf, PathBuf)> {
    let metadata = metadata(options.manifest_path.as_deref()).ok()?;
    let time = |file: &Path| file.metadata().and_then(|metadata| metadata.modified()).ok();
    let older = |package: &&Package| {
        let built = |target: &&Target| target.is_bin() || target.is_example() || is_library(target);
        let folders = package.targets.iter().filter(built).filter_map(|target| target.src_path.parent());
        let folders: BTreeSet<_> = folders.collect();
        let sources = folders.into_iter().flat_map(|folder| sources::below(folder.as_std_path()));
        let (newest, source) = sources.filter_map(|source| Some((time(&source)?, source))).max()?;
        let own = built_names(package);
        let is_own = |file: &&PathBuf| file.file_name().is_some_and(|name| own.contains(name));
        let file = files.iter().filter(is_own).find(|file| time(file).is_some_and(|built| built < newest))?;
        Some((file.clone(), source))
    };
    selected(&metadata, options).ok()?.iter().find_map(older)
}

/// The names of the files that a package is built to.
fn built_names(package: &Package) -> BTreeSet<OsString> {
    let names = |target: &Target| {
        let library = target.name.replace('-', "_");
        [
            format!("{}{}", target.name, env::consts::EXE_SUFFIX),
            format!("{}{library}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX),
            format!("lib{library}.rlib"),
        ]
    };
    package.targets.iter().flat_map(names).map(OsString::from).collect()
}

/// The same of the package of the working directory; nothing where there is no package.
pub(crate) fn already_built() -> Vec<PathBuf> {
    last_built(&Packages::default()).unwrap_or_default()
}

/// One package whose sources are to change.
pub(crate) struct PackageHere {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// The root files of its library and its programs, in this order.
    pub(crate) roots: Vec<PathBuf>,
    dependencies: Vec<String>,
}

impl PackageHere {
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency == name)
    }

    /// All source files of its library and its programs.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        let folders: BTreeSet<_> = self.roots.iter().filter_map(|root| root.parent()).collect();
        folders.into_iter().flat_map(sources::below).collect()
    }
}

/// The one package that is selected.
pub(crate) fn package(options: &Packages) -> Result<PackageHere, Failure> {
    let metadata = metadata(options.manifest_path.as_deref())?;
    let [package] = selected(&metadata, options)?[..] else {
        return Err(Failure::wrong("this is a workspace of several packages: name one by --package"));
    };
    let (libraries, programs): (Vec<_>, Vec<_>) = package
        .targets
        .iter()
        .filter(|target| is_library(target) || target.is_bin())
        .partition(|target| is_library(target));
    let root = |target: &&Target| target.src_path.clone().into();
    Ok(PackageHere {
        name: package.name.to_string(),
        folder: package.manifest_path.parent().map(Into::into).unwrap_or_default(),
        roots: libraries.iter().chain(&programs).map(root).collect(),
        dependencies: package.dependencies.iter().map(|dependency| dependency.name.clone()).collect(),
    })
}

/// The target directory.
pub(crate) fn target(options: &Packages) -> Result<PathBuf, Failure> {
    Ok(metadata(options.manifest_path.as_deref())?.target_directory.into())
}

/// The folder that the paths in records start from; none where there is no package.
pub(crate) fn root(manifest: Option<&Path>) -> Option<PathBuf> {
    metadata(manifest).ok().map(|metadata| metadata.workspace_root.into())
}

fn metadata(manifest: Option<&Path>) -> Result<Metadata, Failure> {
    let mut command = MetadataCommand::new();
    // Without dependencies nothing is resolved, locked or downloaded. Nor must rustup fetch a toolchain: somebody may be
    // waiting for a kill.
    command.no_deps().env("RUSTUP_AUTO_INSTALL", "0");
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().map_err(|error| Failure::wrong(format!("cargo finds no package here: {}", said(&error))))
}

/// What cargo itself said, without its prefix.
fn said(error: &cargo_metadata::Error) -> String {
    match error {
        cargo_metadata::Error::CargoMetadata { stderr } => stderr.trim().trim_start_matches("error: ").to_owned(),
        other => other.to_string(),
    }
}

fn selected<'a>(metadata: &'a Metadata, options: &Packages) -> Result<Vec<&'a Package>, Failure> {
    let members = metadata.workspace_packages();
    if options.workspace {
        return Ok(members);
    }
    if let Some(name) = &options.package {
        let named = members.iter().find(|package| **package.name == **name);
        return named.map(|package| vec![*package]).ok_or_else(|| {
            let suggestion = suggestion::did_you_mean(name, members.iter().map(|package| &**package.name));
            Failure::wrong(format!("no package `{name}` in this workspace{suggestion}"))
        });
    }
    let manifest = nearest_manifest(options.manifest_path.as_deref());
    let here = members.iter().find(|package| {
        let its_own = package.manifest_path.as_std_path().canonicalize();
        its_own.is_ok_and(|its_own| Some(its_own) == manifest)
    });
    Ok(here.map_or_else(|| metadata.workspace_default_packages(), |package| vec![*package]))
}

/// The Cargo.toml that cargo would start from.
fn nearest_manifest(given: Option<&Path>) -> Option<PathBuf> {
    if let Some(manifest) = given {
        return manifest.canonicalize().ok();
    }
    let directory = env::current_dir().ok()?;
    let manifest = directory.ancestors().map(|folder| folder.join("Cargo.toml")).find(|path| path.is_file())?;
    manifest.canonicalize().ok()
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

fn is_library(target: &Target) -> bool {
    target.is_lib() || target.is_rlib() || target.is_cdylib() || target.is_dylib() || target.is_staticlib()
}

/// Folders of the target directory that hold the results of a profile: `debug`, `release`, `<triple>/debug`.
fn profiles(target_directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = subfolders(target_directory).collect();
    found.extend(found.clone().iter().flat_map(|folder| subfolders(folder)));
    found.retain(|folder| folder.join("deps").is_dir());
    found.sort();
    found
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = folder.read_dir().into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir())
}

fn built_in(profile: &Path, package: &Package, bins: &[String]) -> Vec<PathBuf> {
    let file = |target: &Target| {
        let library = target.name.replace('-', "_");
        Some(if target.is_bin() {
            profile.join(format!("{}{}", target.name, env::consts::EXE_SUFFIX))
        } else if target.is_example() {
            profile.join("examples").join(format!("{}{}", target.name, env::consts::EXE_SUFFIX))
        } else if target.is_cdylib() {
            profile.join(format!("{}{library}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
        } else if is_library(target) {
            profile.join(format!("lib{library}.rlib"))
        } else {
            return None;
        })
    };
    let is_wanted = |target: &&Target| bins.is_empty() || target.is_bin() && bins.contains(&target.name);
    package.targets.iter().filter(is_wanted).filter_map(file).filter(|file| file.is_file()).collect()
}
