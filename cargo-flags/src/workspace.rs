//! Workspace: the packages that the options select, and what earlier builds left of them. Builds nothing.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, Target};

use crate::cli::Packages;
use crate::failure::Failure;
use crate::{sources, suggestion};

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

/// The folder that the paths in records start from; none where there is no package.
pub(crate) fn root(manifest: Option<&Path>) -> Option<PathBuf> {
    metadata(manifest).ok().map(|metadata| metadata.workspace_root.into())
}

pub(crate) fn metadata(manifest: Option<&Path>) -> Result<Metadata, Failure> {
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

pub(crate) fn selected<'a>(metadata: &'a Metadata, options: &Packages) -> Result<Vec<&'a Package>, Failure> {
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

pub(crate) fn is_library(target: &Target) -> bool {
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
