//! Baseline: the findings that are known already, so that only new ones are denied. It only ever gets shorter.
//!
//! A text file: a line for each finding, its kind and its flag, sorted, so that two branches that mend different flags merge.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::kind::Kind;
use crate::failure::Failure;

/// The known findings of one file.
#[derive(Debug)]
pub(crate) struct Baseline {
    file: PathBuf,
    /// None if there is no file yet.
    lines: Option<BTreeSet<String>>,
}

const HEADER: &str = "\
# Known findings of `cargo flags audit`: a kind and a flag a line. `--update-baseline` removes what is mended and adds nothing.
";

impl Baseline {
    /// Reads a file; there need not be one yet.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let shown = file.display();
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { file: file.to_owned(), lines: None });
            }
            Err(error) => return Err(Failure::because(format!("the baseline {shown} cannot be read"), error)),
        };
        let mut lines = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let is_finding = line.split_once(' ').is_some_and(|(kind, flag)| {
                Kind::ALL.iter().any(|known| known.word() == kind) && !flag.trim().is_empty()
            });
            if !is_finding {
                return Err(Failure::wrong(format!(
                    "the baseline {shown} holds no finding at line {}: `{line}`; write a kind and a flag, like `expired new_checkout`",
                    number + 1
                )));
            }
            lines.insert(line.to_owned());
        }
        Ok(Self { file: file.to_owned(), lines: Some(lines) })
    }

    /// Whether there is a file.
    pub(crate) fn is_there(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn has(&self, finding: &Finding) -> bool {
        self.lines.as_ref().is_some_and(|lines| lines.contains(&finding.line()))
    }

    /// The lines of kinds that were looked for, of which nothing was found any more.
    pub(crate) fn mended(&self, looked_for: &BTreeSet<Kind>, findings: &[Finding]) -> Vec<String> {
        let found: BTreeSet<_> = findings.iter().map(Finding::line).collect();
        let was_looked_for = |line: &&String| looked_for.iter().any(|kind| line.split(' ').next() == Some(kind.word()));
        let lines = self.lines.iter().flatten().filter(was_looked_for);
        lines.filter(|line| !found.contains(*line)).cloned().collect()
    }

    /// Writes the file without what is mended; a first one with all that was found.
    pub(crate) fn update(&self, looked_for: &BTreeSet<Kind>, findings: &[Finding]) -> Result<(), Failure> {
        let mended: BTreeSet<_> = self.mended(looked_for, findings).into_iter().collect();
        let lines: BTreeSet<_> = match &self.lines {
            Some(lines) => lines.difference(&mended).cloned().collect(),
            None => findings.iter().map(Finding::line).collect(),
        };
        let text = lines.iter().fold(HEADER.to_owned(), |text, line| text + line + "\n");
        let shown = self.file.display();
        fs::write(&self.file, text)
            .map_err(|error| Failure::because(format!("the baseline {shown} cannot be written"), error))
    }
}
