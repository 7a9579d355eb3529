//! Errors of starting, with what to do about them.

use std::error::Error;
use std::fmt;

use crate::registry::DuplicateName;

/// Why the library did not start. Nothing has changed then: flags answer their declared defaults.
///
/// `Debug` is the sentence too: it is what `main` prints when it returns this.
#[non_exhaustive]
pub enum StartError {
    /// This process started already; one start serves all flags of all crates.
    AlreadyStarted,
    /// Two declarations use one name or key.
    Duplicates(Vec<DuplicateName>),
    /// A setting is wrong, for example a misspelt `FLAGS_SOURCE`.
    #[non_exhaustive]
    Configuration {
        /// the setting, for example `FLAGS_SOURCE`
        setting: &'static str,
        /// what is wrong with it and what to write instead
        message: String,
    },
    /// The operating system gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => f.write_str(
                "flags_runtime was started already in this process: keep the first guard (or call `.detach()` on it) and \
                 start once, in `main`",
            ),
            Self::Duplicates(duplicates) => {
                duplicates.iter().enumerate().try_for_each(|(index, duplicate)| {
                    write!(f, "{}{duplicate}", if index > 0 { "; " } else { "" })
                })
            }
            Self::Configuration { setting, message } => write!(f, "`{setting}`: {message}"),
            Self::Thread(_) => f.write_str("no thread for the flag source could be started"),
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            Self::AlreadyStarted | Self::Duplicates(_) | Self::Configuration { .. } => None,
        }
    }
}

/// Why `wait_ready` did not see live data. Reads answer all the same: declared defaults, or what was known before.
///
/// `Debug` is the sentence too: it is what `main` prints when it returns this.
#[derive(Clone, PartialEq, Eq)]
pub struct NotReady {
    pub(crate) message: String,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for NotReady {}
