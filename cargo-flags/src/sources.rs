//! Sources: the files that records name, where they are at hand.
//!
//! Records are not trusted: only regular files that end in `.rs` are read, and none that is larger than a source file is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::cli::Packages;
use crate::workspace;

/// The source files below one folder.
#[derive(Debug)]
pub(crate) struct Sources {
    root: PathBuf,
    read: RefCell<HashMap<String, Option<Rc<str>>>>,
}

const LONGEST: u64 = 4 << 20;

impl Sources {
    /// Those of the workspace here, or below the working directory where there is none.
    pub(crate) fn here(packages: &Packages) -> Self {
        let root = workspace::root(packages.manifest_path.as_deref()).or_else(|| env::current_dir().ok());
        Self { root: root.unwrap_or_default(), read: RefCell::default() }
    }

    /// The folder that relative paths start from.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file is; none if it is not here.
    pub(crate) fn path(&self, file: &str) -> Option<PathBuf> {
        let path = self.root.join(file);
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        let metadata = if is_source { fs::metadata(&path).ok()? } else { return None };
        (metadata.is_file() && metadata.len() <= LONGEST).then_some(path)
    }

    /// A line of a file, from 1, without the space around it.
    pub(crate) fn line(&self, file: &str, line: u32) -> Option<String> {
        let mut read = self.read.borrow_mut();
        let text = read.entry(file.to_owned()).or_insert_with(|| {
            let text = fs::read_to_string(self.path(file)?).ok()?;
            Some(text.into())
        });
        let line = text.as_ref()?.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        Some(line.trim().to_owned())
    }
}

/// All source files below a folder, sorted.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            // Not through links, which may lead back.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
