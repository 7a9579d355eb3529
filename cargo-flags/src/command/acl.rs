//! `acl`: the lines that let a Redis user do one role, and no more.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use flags_runtime::source::redis::admin::Role;

use crate::cargo;
use crate::cli::{Origin, Server};
use crate::failure::Failure;
use crate::live;

/// Print the line that makes a Redis user of a role
///
/// Put a password in the place of PASSWORD. Nothing is sent anywhere.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// What the user does
    #[arg(value_enum)]
    role: Roles,

    /// What the user is called [default: flags-ROLE]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// A writer who may write the documents of this owner's flags only
    #[arg(long, value_name = "TEAM")]
    owner: Option<String>,

    /// What the keys of documents begin with [default: the environment variable `FLAGS_PREFIX`, else `ff:`]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    #[command(flatten)]
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Roles {
    /// A service that reads documents
    Reader,
    /// A service that also leaves heartbeats and dark-launch results
    Reporter,
    /// Somebody who writes documents
    Writer,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let prefix = live::prefix(&Server { redis: None, prefix: arguments.prefix.clone() })?;
    let (role, word) = match arguments.role {
        Roles::Reader => (Role::Reader, "reader"),
        Roles::Reporter => (Role::Reporter, "reporter"),
        Roles::Writer => (Role::Writer, "writer"),
    };
    let keys = match &arguments.owner {
        None => None,
        Some(_) if role != Role::Writer => {
            return Err(Failure::wrong("--owner limits what is written, and only a writer writes documents"));
        }
        Some(owner) => Some(keys_of(owner, &arguments.origin)?),
    };
    let user = arguments.user.clone().unwrap_or_else(|| format!("flags-{word}"));
    if user.is_empty() || user.contains(char::is_whitespace) {
        return Err(Failure::wrong(format!("`{user}` is no name of a Redis user: it must not hold spaces")));
    }
    let rules = role.rules(&prefix, keys.as_deref());
    // As it is typed into redis-cli: quoted where a rule holds what means something there.
    let quoted = |rule: &String| {
        let is_plain = !rule.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\'));
        if is_plain { rule.clone() } else { format!("\"{}\"", rule.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    let rules: Vec<_> = rules.iter().map(quoted).collect();
    writeln!(io::stdout(), "ACL SETUSER {user} reset on >PASSWORD {}", rules.join(" ")).map_err(Failure::output)
}

/// The keys of the documents of an owner's flags.
fn keys_of(owner: &str, origin: &Origin) -> Result<Vec<String>, Failure> {
    let inventory = cargo::inventory(origin)?;
    let flags = inventory.flags.iter().filter(|flag| flag.owner.as_deref() == Some(owner));
    let mut keys: Vec<_> = flags.map(|flag| flag.key().to_owned()).collect();
    keys.sort();
    keys.dedup();
    if keys.is_empty() {
        let mut owners: Vec<_> = inventory.flags.iter().filter_map(|flag| flag.owner.clone()).collect();
        owners.sort();
        owners.dedup();
        return Err(Failure::wrong(format!("no flag is owned by `{owner}`; owners are: {}", owners.join(", "))));
    }
    Ok(keys)
}
