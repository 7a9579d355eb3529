//! Command line: the words of every verb, and the options that several verbs share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::{
    acl, allow, audit, check, coverage, delete, deny, dump, eval, explain, export, fleet, get, history, import, list,
    new, off, on, refs, rollback, rollout, set, shadow, test, watch,
};
use crate::failure::Failure;
use crate::report::Format;

/// List, explain, set and kill the feature flags of a workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo flags", version, arg_required_else_help = true, subcommand_required = true)]
#[command(
    after_help = "Exit codes: 0 done; 1 a denied finding, a lost race or not seen by all; 2 wrong usage, input or connection."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Arguments),
    Refs(refs::Arguments),
    Dump(dump::Arguments),
    Check(check::Arguments),
    New(new::Arguments),
    Audit(Box<audit::Arguments>),
    Test(test::Arguments),
    Coverage(coverage::Arguments),
    Eval(eval::Arguments),
    Explain(explain::Arguments),
    Get(get::Arguments),
    Set(set::Arguments),
    On(on::Arguments),
    Off(off::Arguments),
    Rollout(rollout::Arguments),
    Allow(allow::Arguments),
    Deny(deny::Arguments),
    Delete(delete::Arguments),
    History(history::Arguments),
    Rollback(rollback::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Watch(watch::Arguments),
    Acl(acl::Arguments),
    Fleet(fleet::Arguments),
    Shadow(shadow::Arguments),
}

/// Which flags: those of packages, or of files.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Origin {
    #[command(flatten)]
    pub(crate) packages: Packages,

    /// Read these built files (programs, libraries, archives) and build nothing
    #[arg(long, value_name = "FILE", num_args = 1..)]
    #[arg(conflicts_with_all = ["package", "workspace", "bin", "release", "features", "cargo"])]
    pub(crate) artifact: Vec<PathBuf>,
}

/// Which packages: one, or those of the workspace.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Packages {
    /// This package of the workspace, which is built or checked [default: the package of the working directory, in a virtual
    /// workspace its default members]
    #[arg(short, long, value_name = "PKG", conflicts_with = "workspace")]
    pub(crate) package: Option<String>,

    /// All packages of the workspace
    #[arg(long)]
    pub(crate) workspace: bool,

    /// The Cargo.toml to start from [default: that of the working directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,

    /// These programs only
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Vec<String>,

    /// With the release profile
    #[arg(short, long)]
    pub(crate) release: bool,

    /// With these features
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub(crate) features: Vec<String>,

    /// Handed to cargo, for example `-- --profile dist --target x86_64-unknown-linux-musl`
    #[arg(last = true, value_name = "CARGO OPTIONS")]
    pub(crate) cargo: Vec<OsString>,
}

/// Which server.
#[derive(Args, Clone, Debug)]
pub(crate) struct Server {
    /// The server [default: the environment variable `FLAGS_SOURCE` if it names one, else `REDIS_URL`]
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,

    /// What the keys of documents begin with [default: the environment variable `FLAGS_PREFIX`, else `ff:`]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
}

/// How a name is checked before it is used.
#[derive(Args, Clone, Debug)]
pub(crate) struct Check {
    /// Check the name against these built files instead of the package's own
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) artifact: Vec<PathBuf>,
}

/// Users and groups.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Listed {
    /// Targeting keys
    #[arg(long = "user", value_name = "USER", num_args = 1..)]
    pub(crate) users: Vec<String>,

    /// Groups
    #[arg(long = "group", value_name = "GROUP", num_args = 1..)]
    pub(crate) groups: Vec<String>,
}

/// One write: of which flag, where, by whom, and what it may do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Write {
    /// The flag's name
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) server: Server,

    #[command(flatten)]
    pub(crate) check: Check,

    /// Who writes, for the audit trail (otherwise user@host)
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,

    /// The reason, for the audit trail
    #[arg(long, value_name = "WHY", default_value = "", hide_default_value = true)]
    pub(crate) why: String,

    /// Write although the name is unknown, the value does not fit, or the stored document would lose fields
    #[arg(long)]
    pub(crate) force: bool,

    /// Wait so long at most until every process that knows the flag has the change (5s, 500ms, 1m); the exit code is 1 if
    /// not all have it then, or if nobody can say
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) wait: Option<Duration>,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// A whole number with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let number = |unit: &str| text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let seconds = || number("s").or_else(|| number("m")?.checked_mul(60)).map(Duration::from_secs);
    let duration = number("ms").map(Duration::from_millis).or_else(seconds);
    // A day is longer than anybody waits, and nothing overflows.
    duration
        .filter(|duration| *duration <= Duration::from_secs(24 * 60 * 60))
        .ok_or_else(|| "write a whole number with the unit `ms`, `s` or `m`: 5s, 500ms, 1m".to_owned())
}

/// Reads the words and runs the verb. Both `cargo flags VERB` and `cargo-flags VERB` come here.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let mut words: Vec<_> = words.into_iter().collect();
    // Cargo hands the name of the subcommand over as the first word.
    if words.get(1).is_some_and(|word| word == "flags") {
        words.remove(1);
    }
    // clap ends the process itself: 0 after help, 2 after a usage error.
    let matches = Cli::command().get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.verb {
        Verb::List(arguments) => list::run(&arguments),
        Verb::Refs(arguments) => refs::run(&arguments),
        Verb::Dump(arguments) => dump::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::New(arguments) => new::run(&arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Coverage(arguments) => coverage::run(&arguments),
        Verb::Eval(arguments) => eval::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Get(arguments) => get::run(&arguments),
        Verb::Set(arguments) => set::run(&arguments),
        Verb::On(arguments) => on::run(&arguments),
        Verb::Off(arguments) => off::run(&arguments),
        Verb::Rollout(arguments) => rollout::run(&arguments),
        Verb::Allow(arguments) => allow::run(&arguments),
        Verb::Deny(arguments) => deny::run(&arguments),
        Verb::Delete(arguments) => delete::run(&arguments),
        Verb::History(arguments) => history::run(&arguments),
        Verb::Rollback(arguments) => rollback::run(&arguments),
        Verb::Export(arguments) => export::run(&arguments),
        Verb::Import(arguments) => import::run(&arguments),
        Verb::Watch(arguments) => watch::run(&arguments),
        Verb::Acl(arguments) => acl::run(&arguments),
        Verb::Fleet(arguments) => fleet::run(&arguments),
        Verb::Shadow(arguments) => shadow::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        for wrong in ["", "5", "s", "-1s", "1h", "1.5s", "999999999999m", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
