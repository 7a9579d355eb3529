//! GitHub: findings as annotations of a workflow run, the worst first, and the summary of its job.
//!
//! GitHub shows ten errors and ten warnings of a step, so the order matters; a summary may weigh a mebibyte.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::{Audit, By, Finding, post};
use crate::failure::Failure;
use crate::report::visible;
use crate::sources::Sources;

/// What a summary may weigh.
const SUMMARY: usize = 1 << 20;
/// How many findings of a group are shown, fewer until all of it fits.
const MOST: usize = 200;

/// A workflow command a line: what is denied as an error, the rest as a warning or a notice.
pub(crate) fn annotations(audit: &Audit<'_>, sources: &Sources) -> String {
    let (denied, others): (Vec<_>, Vec<_>) = audit.findings.iter().partition(|finding| finding.is_denied);
    denied.into_iter().chain(others).map(|finding| annotation(finding, sources)).collect()
}

fn annotation(finding: &Finding, sources: &Sources) -> String {
    let level = match finding {
        _ if finding.is_denied => "error",
        _ if finding.kind.is_warning() && !finding.is_known => "warning",
        _ => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = finding.place() {
        properties.push(format!("file={}", property(&in_repository(&place.file, sources))));
        properties.extend(place.line.map(|line| format!("line={line}")));
        properties.extend(place.column.map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(&format!("{}: {}", finding.kind, finding.flag))));
    let Finding { flag, message, fix, .. } = finding;
    format!("::{level} {}::{}\n", properties.join(","), data(&format!("`{flag}`: {message}. {fix}")))
}

/// The path from the root of the repository, which GitHub counts from.
pub(super) fn in_repository(file: &str, sources: &Sources) -> String {
    let path = sources.root().join(file);
    let repository = env::var_os("GITHUB_WORKSPACE").map(Into::into).or_else(|| repository(sources.root()));
    let inside = repository.as_deref().and_then(|repository: &Path| path.strip_prefix(repository).ok());
    inside.map_or_else(|| file.to_owned(), |inside| inside.to_string_lossy().replace('\\', "/"))
}

/// The nearest folder with a repository.
fn repository(folder: &Path) -> Option<std::path::PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Appends the post to the summary of the job, where GitHub says that there is one.
pub(crate) fn summarize(audit: &Audit<'_>, by: By) -> Result<(), Failure> {
    let Some(file) = env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return Ok(()) };
    let mut most = MOST;
    let mut text = post::post(audit, by, most);
    while text.len() > SUMMARY && most > 0 {
        most /= 2;
        text = post::post(audit, by, most);
    }
    let shown = file.to_string_lossy().into_owned();
    let not_written = |error| Failure::because(format!("the summary of the job cannot be written to {shown}"), error);
    let mut summary = OpenOptions::new().append(true).create(true).open(file).map_err(not_written)?;
    summary.write_all(text.as_bytes()).map_err(not_written)
}

/// Text as a workflow command takes it, and a terminal, too.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// The same where commas and colons mean something.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_a_command_or_begin_another() {
        assert_eq!(data("100 %\r\n::error::x"), "100 %25\\r ::error::x");
        assert_eq!(property("a: b, c\n"), "a%3A b%2C c ");
    }
}
