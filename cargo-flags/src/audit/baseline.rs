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
    /// Its lines with the finding of each; none for comments. None at all if there is no file yet.
    lines: Option<Vec<(String, Option<String>)>>,
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
        let mut lines = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let Some(finding) = finding(line) else {
                return Err(Failure::wrong(format!(
                    "the baseline {shown} holds no finding at line {}: `{}`; write a kind and a flag, like `expired new_checkout`",
                    number + 1,
                    line.trim()
                )));
            };
            lines.push((line.to_owned(), finding));
        }
        Ok(Self { file: file.to_owned(), lines: Some(lines) })
    }

    /// Whether there is a file.
    pub(crate) fn is_there(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn has(&self, finding: &Finding) -> bool {
        let line = finding.line();
        self.known().any(|known| *known == line)
    }

    /// The findings of kinds that were looked for, of which nothing was found any more.
    pub(crate) fn mended(&self, looked_for: &BTreeSet<Kind>, findings: &[Finding]) -> Vec<String> {
        let found: BTreeSet<_> = findings.iter().map(Finding::line).collect();
        let was_looked_for = |line: &&String| looked_for.iter().any(|kind| line.split(' ').next() == Some(kind.word()));
        let mended = self.known().filter(was_looked_for).filter(|line| !found.contains(*line));
        mended.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Writes the file without these findings, the rest as it was; a first one with all that was found.
    pub(crate) fn update(&self, mended: &[String], findings: &[Finding]) -> Result<(), Failure> {
        let text = if let Some(lines) = &self.lines {
            let stays = |known: &Option<String>| known.as_ref().is_none_or(|line| !mended.contains(line));
            lines.iter().filter(|(_, known)| stays(known)).fold(String::new(), |text, (line, _)| text + line + "\n")
        } else {
            let lines: BTreeSet<_> = findings.iter().map(Finding::line).collect();
            lines.iter().fold(HEADER.to_owned(), |text, line| text + line + "\n")
        };
        let shown = self.file.display();
        fs::write(&self.file, text)
            .map_err(|error| Failure::because(format!("the baseline {shown} cannot be written"), error))
    }

    fn known(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().flatten().filter_map(|(_, finding)| finding.as_ref())
    }
}

/// The finding that a line names, however it is spaced and whatever is remarked behind it: none within for a line without one,
/// none at all for a line that cannot be understood.
#[allow(clippy::option_option, reason = "said above")]
fn finding(line: &str) -> Option<Option<String>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Some(None);
    }
    let line = line.split_once(" #").map_or(line, |(finding, _)| finding.trim_end());
    let (kind, flag) = line.split_once(char::is_whitespace)?;
    let is_kind = Kind::ALL.iter().any(|known| known.word() == kind);
    is_kind.then(|| Some(format!("{kind} {}", flag.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_however_it_is_spaced() {
        for line in [
            "expired new_checkout",
            "  expired \t new_checkout ",
            "expired new_checkout # ada mends it",
            "expired\tnew_checkout\r",
        ] {
            assert_eq!(finding(line), Some(Some("expired new_checkout".to_owned())), "{line:?}");
        }
        assert_eq!((finding("# expired x"), finding(" ")), (Some(None), Some(None)));
        assert!(finding("expird x").is_none() && finding("expired").is_none());
    }
}
