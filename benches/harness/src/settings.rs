//! The settings of a bench, from its command line.

use std::env;
use std::process::Command;
use std::time::Duration;

/// The longest that anybody wants to measure, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// How a bench was started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--test`: only show that it runs, and that the documents have its table.
    pub is_test: bool,
    /// `--write`: put the table into the documents.
    pub is_writing: bool,
    /// `--seconds N`: how long to measure.
    pub time: Duration,
}

impl Settings {
    /// By the words behind the program's name. Ends the process at a word that it does not know.
    pub fn from_args(default: Duration) -> Self {
        Self::parse(env::args().skip(1), Some(default)).unwrap_or_else(|problem| {
            eprintln!("{problem}; there is: --test, --write, --seconds N");
            std::process::exit(2);
        })
    }

    /// The same for a bench that takes as long as it takes, and has no `--seconds`.
    pub fn from_args_without_time() -> Self {
        Self::parse(env::args().skip(1), None).unwrap_or_else(|problem| {
            eprintln!("{problem}; there is: --test, --write");
            std::process::exit(2);
        })
    }

    fn parse(words: impl IntoIterator<Item = String>, time: Option<Duration>) -> Result<Self, String> {
        let mut settings = Self { is_test: false, is_writing: false, time: time.unwrap_or_default() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo's own, for `cargo bench`.
                "--bench" => {}
                "--test" => settings.is_test = true,
                "--write" => settings.is_writing = true,
                "--seconds" if time.is_some() => {
                    let seconds =
                        words.next().and_then(|word| word.parse().ok()).filter(|seconds| (1..=DAY).contains(seconds));
                    let seconds = seconds.ok_or_else(|| format!("`--seconds` takes a whole number from 1 to {DAY}"))?;
                    settings.time = Duration::from_secs(seconds);
                }
                _ => return Err(format!("`{word}` is no option of this bench")),
            }
        }
        if settings.is_test && settings.is_writing {
            return Err("`--test` measures nothing to `--write`".to_owned());
        }
        Ok(settings)
    }
}

/// The same program once more, with the same words, as its package builds it with a feature. `folder` is that of the package.
pub fn built_with(feature: &str, folder: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(format!("{folder}/Cargo.toml"));
    command.args(["--features", feature, "--"]).args(env::args().skip(1));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Settings, String> {
        Settings::parse(words.iter().map(|&word| word.to_owned()), Some(Duration::from_secs(60)))
    }

    #[test]
    fn words_that_mean_nothing_here_are_named() {
        let settings = parse(&["--bench", "--write", "--seconds", "5"]).unwrap();
        assert!(settings.is_writing && !settings.is_test);
        assert_eq!(settings.time, Duration::from_secs(5));
        assert!(parse(&["--wirte"]).unwrap_err().contains("`--wirte`"));
        assert!(parse(&["--seconds"]).is_err());
        assert!(parse(&["--seconds", "0"]).is_err());
        assert!(parse(&["--seconds", "18446744073709551615"]).unwrap_err().contains("86400"));
        let untimed = Settings::parse(["--seconds".to_owned(), "5".to_owned()], None);
        assert!(untimed.unwrap_err().contains("`--seconds` is no option"));
        assert!(parse(&["--test", "--write"]).is_err());
    }
}
