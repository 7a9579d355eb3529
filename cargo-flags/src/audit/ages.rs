//! Ages: when flags were declared: as they say themselves (`created`), else as git remembers the line.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::civil::Date;

use super::subject::Flag;
use crate::day;
use crate::failure::Failure;
use crate::sources::Sources;

/// Sets the day of each flag that says one itself.
pub(super) fn by_declaration(flags: &mut [Flag<'_>]) {
    for flag in flags {
        flag.since = flag.records.iter().filter_map(|record| day::read(record.created.as_deref()?)).min();
    }
}

/// Sets the day of the others whose source is at hand; why that cannot be, if so.
///
/// # Errors
///
/// If the clone is shallow: each line would be as old as its last commit, and an old flag look new.
pub(super) fn by_git(flags: &mut [Flag<'_>], sources: &Sources) -> Result<Option<String>, Failure> {
    let mut lines: BTreeMap<PathBuf, Vec<(u32, usize)>> = BTreeMap::new();
    for (index, flag) in flags.iter().enumerate().filter(|(_, flag)| flag.since.is_none()) {
        let Some(place) = flag.declared.first() else { continue };
        // A line that is gone tells that the file is another one than was built.
        let is_here = place.line.is_some_and(|line| sources.line(&place.file, line).is_some());
        if let (true, Some(line), Some(path)) = (is_here, place.line, sources.path(&place.file)) {
            lines.entry(path).or_default().push((line, index));
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let shallow = git(sources.root()).env("LC_ALL", "C").args(["rev-parse", "--is-shallow-repository"]).output();
    match shallow {
        Err(error) => return Ok(Some(format!("git cannot be run: {error}"))),
        Ok(said) if !said.status.success() => return Ok(Some(refusal(&String::from_utf8_lossy(&said.stderr)))),
        Ok(said) if said.stdout.trim_ascii() == b"true" => {
            return Err(Failure::wrong(
                "the clone is shallow, so git does not know how old a flag is: fetch it whole (`git fetch --unshallow`, in a \
                 GitHub workflow `fetch-depth: 0`), declare `created` on the flags, or leave ages out by `--skip old`",
            ));
        }
        Ok(_) => {}
    }
    let progress = Progress::new(lines.len());
    for (number, (path, lines)) in lines.iter().enumerate() {
        progress.show(number);
        let days = blamed(sources.root(), path, lines);
        for (line, index) in lines {
            flags[*index].since = days.get(line).copied();
        }
    }
    Ok(None)
}

/// What git says of a folder that it does not look into.
fn refusal(said: &str) -> String {
    if said.contains("not a git repository") {
        return "the sources are in no git repository".to_owned();
    }
    let said: Vec<_> = said.split_whitespace().collect();
    format!("git does not look at the sources: {}", said.join(" "))
}

/// The day of each line; nothing for a file that git does not know.
fn blamed(root: &Path, path: &Path, lines: &[(u32, usize)]) -> BTreeMap<u32, Date> {
    let mut command = git(root);
    // Whitespace, moves within a file and from another one make a line no younger. A declaration is a short line: by itself git
    // takes only what has 20 or 40 letters for moved.
    command.args(["blame", "-w", "-M8", "-C8", "--line-porcelain"]);
    for (line, _) in lines {
        command.arg("-L").arg(format!("{line},{line}"));
    }
    match command.arg("--").arg(path).output() {
        Ok(said) if said.status.success() => days(&String::from_utf8_lossy(&said.stdout)),
        _ => BTreeMap::new(),
    }
}

/// Reads `<commit> <old line> <line> ..`, its headers, and the line itself behind a tab.
fn days(porcelain: &str) -> BTreeMap<u32, Date> {
    let mut days = BTreeMap::new();
    let (mut line, mut at) = (None, None);
    for text in porcelain.lines() {
        if text.starts_with('\t') {
            days.extend(line.take().zip(at.take()));
        } else if let Some(seconds) = text.strip_prefix("author-time ") {
            at = seconds.parse().ok().map(day::of_moment);
        } else if line.is_none() {
            line = text.split(' ').nth(2).and_then(|line| line.parse::<u32>().ok());
        }
    }
    days
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).stdin(Stdio::null());
    command
}

/// How far it has come, for people who wait.
struct Progress {
    files: usize,
    is_shown: bool,
}

/// Fewer files than this are done before anybody looks.
const WORTH_A_WORD: usize = 10;

impl Progress {
    fn new(files: usize) -> Self {
        Self { files, is_shown: files >= WORTH_A_WORD && io::stderr().is_terminal() }
    }

    fn show(&self, done: usize) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\rasking git how old the flags are: {done} of {} files", self.files);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_day_of_its_author() {
        let entry = |line: u32, at: i64, text: &str| {
            format!(
                "1a2b {line} {line} 1\nauthor Ada\nauthor-mail <a@b>\nauthor-time {at}\nauthor-tz +0100\ncommitter Bob\n\
                 committer-time 1795633232\nsummary author-time 7\nfilename src/lib.rs\n\t{text}\n"
            )
        };
        let text = entry(3, 1_700_000_000, "pub static A: Flag<bool>;") + &entry(9, 1_795_633_232, "author-time 1");
        let days = days(&text);
        let shown: Vec<_> = days.iter().map(|(line, day)| format!("{line} {day}")).collect();
        assert_eq!(shown, ["3 2023-11-14", "9 2026-11-25"]);
    }
}
