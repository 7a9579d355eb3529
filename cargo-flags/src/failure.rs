//! Failure: why a verb ended early, and with which exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use flags_runtime::source::redis::admin::AdminError;

use crate::report::visible;

/// Why a verb ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads our output any more, as in `cargo flags list | head -1`. Not worth a word.
    ReaderGone,
    /// A usage, input or connection error: exit code 2.
    Wrong(Reason),
    /// A lost race, or a denied finding: exit code 1.
    Lost(Reason),
}

/// What was wrong, and what lies behind it.
#[derive(Debug)]
pub(crate) struct Reason {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A usage, input or connection error.
    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(Reason { message: message.into(), source: None })
    }

    /// The same, with the error behind it.
    pub(crate) fn because(message: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Wrong(Reason { message: message.into(), source: Some(Box::new(source)) })
    }

    /// A denied finding.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::Lost(Reason { message: message.into(), source: None })
    }

    /// The same reason, told as a finding after these words.
    pub(crate) fn into_denied(self, words: impl fmt::Display) -> Self {
        match self {
            Self::ReaderGone => Self::ReaderGone,
            Self::Wrong(reason) | Self::Lost(reason) => Self::denied(format!("{words}: {reason}")),
        }
    }

    /// What writing our output said.
    pub(crate) fn output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::because("the output cannot be written", error),
        }
    }

    /// Says it on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::ReaderGone => ExitCode::SUCCESS,
            Self::Wrong(reason) => {
                say("error", reason);
                ExitCode::from(2)
            }
            Self::Lost(reason) => {
                say("error", reason);
                ExitCode::from(1)
            }
        }
    }
}

/// Says on stderr what the operator should know although the verb goes on.
pub(crate) fn warn(message: impl fmt::Display) {
    say("warning", message);
}

/// Says on stderr what an empty answer would leave open.
pub(crate) fn note(message: impl fmt::Display) {
    say("note", message);
}

fn say(kind: &str, message: impl fmt::Display) {
    use std::io::Write as _;
    // Names in it may be anybody's. What cargo says of a manifest has several lines, and ends where we say so.
    let message = message.to_string();
    let message: Vec<_> = message.lines().map(visible).collect();
    let message = message.join(if kind == "error" { "\n" } else { " " });
    // Without a stderr there is nobody to tell, and the exit code still says it.
    let _ = writeln!(io::stderr(), "{kind}: {message}");
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let is_race = matches!(error, AdminError::Conflict { .. });
        let reason = Reason { message: error.to_string(), source: source_of(error) };
        if is_race { Self::Lost(reason) } else { Self::Wrong(reason) }
    }
}

/// The error behind an admin error; the outer one is a message already.
fn source_of(error: AdminError) -> Option<Box<dyn Error + Send + Sync>> {
    match error {
        AdminError::Settings(source) | AdminError::Connection { source, .. } | AdminError::Uncertain { source, .. } => {
            Some(Box::new(source))
        }
        AdminError::Unreadable { source, .. } => Some(Box::new(source)),
        _ => None,
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut next: Option<&(dyn Error + 'static)> = self.source.as_deref().map(|source| source as _);
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}
