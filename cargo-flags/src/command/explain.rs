//! `explain`: why somebody gets what she gets, step by step, and what would change it.

use std::path::{Path, PathBuf};

use clap::Args;
use flags_runtime::evaluate::{Decision, evaluate_explained};
use flags_runtime::rules::{Document, Targeting};
use flags_runtime::source::redis::admin::StoredDocument;
use flags_runtime::{ErrorCode, EvaluationContext, Reason, bucket};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::artifact::{FlagRecord, Inventory};
use crate::cli::{Check, Server};
use crate::command::fleet;
use crate::evidence;
use crate::failure::{Failure, note, warn};
use crate::fit;
use crate::known::{self, Need};
use crate::live::Live;
use crate::report::{self, Format, Rows, one_line, shell_word, visible};
use crate::story;
use crate::suggestion::did_you_mean;
use crate::workspace;

/// Explain what somebody gets of a flag, step by step, and what would change it
///
/// Decides by the document in Redis, or by a file: documents as `export` writes them, an override file, or a snapshot of
/// `export --all`. A process with an override file, or one that has not heard of the document yet, may answer otherwise.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name
    name: String,

    /// Who asks: the targeting key [default: nobody is known]
    #[arg(long, value_name = "USER", default_value = "", hide_default_value = true)]
    user: String,

    /// Her groups
    #[arg(long = "group", value_name = "GROUP", num_args = 1..)]
    groups: Vec<String>,

    /// Her attributes, as NAME=VALUE; documents have no rules that look at them
    #[arg(long = "attr", value_name = "NAME=VALUE", num_args = 1.., value_parser = attribute)]
    attributes: Vec<(String, String)>,

    #[command(flatten)]
    server: Server,

    /// Decide by the documents of this JSON file, without a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["redis", "prefix"])]
    file: Option<PathBuf>,

    #[command(flatten)]
    check: Check,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer as JSON.
#[derive(Serialize)]
struct Explained<'a> {
    name: &'a str,
    key: &'a str,
    user: &'a str,
    groups: &'a [String],
    enabled: bool,
    /// What the flag gives; null where only the program knows.
    value: Option<&'a RawValue>,
    reason: String,
    error_code: Option<String>,
    steps: Vec<String>,
    changes: Vec<Change>,
    document: Option<&'a RawValue>,
    last_change: Option<&'a LastChange>,
}

/// Something that would change the answer.
#[derive(Serialize)]
struct Change {
    command: String,
    then: String,
}

/// The last write of the audit trail.
#[derive(Serialize)]
struct LastChange {
    at: String,
    by: String,
    why: String,
    what: String,
}

/// A document, and what is known of its flag.
struct Found {
    name: String,
    key: String,
    declared: Option<FlagRecord>,
    stored: Option<StoredDocument>,
    last_change: Option<LastChange>,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let found = match &arguments.file {
        Some(file) => in_file(file, arguments)?,
        None => at_server(arguments)?,
    };
    let Found { name, key, declared, stored, last_change } = &found;
    let text = stored.as_ref().map(|stored| stored.text());
    let document = stored.as_ref().map(StoredDocument::parse).transpose().map_err(|error| {
        Failure::because(
            format!(
                "every reader refuses the document of `{name}`, so its services stay at the last good one, or at the declared \
                 default if there was none"
            ),
            error,
        )
    })?;
    if let (Some(document), Some(declared)) = (&document, declared)
        && let Err(misfit) = fit::fits(declared, document.value.map_or("null", RawValue::get))
    {
        let message = visible(&misfit.message);
        if !misfit.may_be_alias {
            return Err(Failure::wrong(format!(
                "services refuse the document of `{name}` and stay at the last good one: {message}"
            )));
        }
        warn(format_args!("{message}; unless it is an alias, services refuse the document"));
    }
    if let Some(provider) = declared.as_ref().and_then(|flag| flag.provider.as_deref()) {
        note(format_args!("{provider} decides `{name}`: this holds where that does not know the flag"));
    }
    if !arguments.attributes.is_empty() {
        note("attributes play no part: documents have no rules that look at them");
    }
    let mut ctx = arguments.groups.iter().fold(EvaluationContext::new(&*arguments.user), EvaluationContext::group);
    for (name, value) in &arguments.attributes {
        ctx = ctx.attribute(name.clone(), value.clone());
    }
    let targeting = document.as_ref().map(Targeting::compile);
    let (decision, steps) = evaluate_explained(key, targeting.as_ref(), &ctx);
    let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
    let changes = changes(&found, document.as_ref(), decision, arguments);
    let value = value(declared.as_ref(), document.as_ref(), decision);
    let who = who(arguments);
    let answer = match &value {
        Some(value) => format!("{name} is {} for {who} ({})", one_line(value.get()), decision.reason),
        None => format!("{name} is its declared default for {who} ({})", decision.reason),
    };
    if decision.error_code == Some(ErrorCode::TargetingKeyMissing) {
        warn(
            "nobody is named by --user, and the percentage or the list of users decided: reads without a targeting key get this",
        );
    }
    let mut step_rows = Rows::new(&["step", "what"]);
    for (number, step) in steps.iter().enumerate() {
        step_rows.push(vec![(number + 1).to_string(), step.clone()]);
    }
    let mut change_rows = Rows::new(&["what would change it", "then"]);
    for change in &changes {
        change_rows.push(vec![change.command.clone(), change.then.clone()]);
    }
    let last = match last_change {
        None => String::new(),
        Some(LastChange { at, by, why, what }) => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            format!("\nlast changed {at} by {by}{why} ({what})")
        }
    };
    let json = Explained {
        name,
        key,
        user: &arguments.user,
        groups: &arguments.groups,
        enabled: decision.is_on,
        value: value.as_deref(),
        reason: decision.reason.to_string(),
        error_code: decision.error_code.map(|code| code.to_string()),
        steps,
        changes,
        document: text.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        last_change: last_change.as_ref(),
    };
    let last: Vec<_> = format!("{answer}{last}").lines().map(visible).collect();
    report::print_parts(arguments.format, &[step_rows, change_rows], &last.join("\n"), &json)
}

fn at_server(arguments: &Arguments) -> Result<Found, Failure> {
    let mut live = Live::connect(&arguments.server, &arguments.name)?;
    let target = known::target(&mut live.admin, &arguments.check.artifact, &arguments.name, Need::NameToRead, false)?;
    let stored = live.admin.get(&target.key)?;
    // Who may not read the trail or the fleet is told the rest.
    let last = live.admin.history(Some(&target.key), 1).ok().and_then(|mut entries| entries.pop());
    let last_change = last.filter(|entry| entry.new == stored).map(|entry| LastChange {
        what: story::change(entry.old.as_ref(), entry.new.as_ref()),
        at: entry.at,
        by: entry.by,
        why: entry.why,
    });
    if let Ok(spread) = live.admin.spread(&target.key, None)
        && !spread.processes.is_empty()
    {
        note(visible(&fleet::summary(&target.key, &spread)));
    }
    Ok(Found { name: target.name, key: target.key, declared: target.declared, stored, last_change })
}

fn in_file(file: &Path, arguments: &Arguments) -> Result<Found, Failure> {
    let name = &arguments.name;
    let shown = file.display();
    let documents = evidence::documents_of_file(file)?;
    let artifact = &arguments.check.artifact;
    let inventory = if artifact.is_empty() {
        Inventory::of_readable(&workspace::already_built())
    } else {
        Inventory::of(artifact)?
    };
    let declared = inventory.into_flag(name);
    let key = declared.as_ref().map_or(&**name, FlagRecord::key).to_owned();
    let stored = documents.get(&key).cloned();
    if stored.is_none() && declared.is_none() {
        let suggestion = did_you_mean(name, documents.keys().map(String::as_str));
        return Err(Failure::wrong(format!(
            "{shown} has no document of `{name}`, and no built file here declares it{suggestion}"
        )));
    }
    let name = declared.as_ref().map_or(name, |flag| &flag.name).clone();
    Ok(Found { name, key, declared, stored, last_change: None })
}

fn who(arguments: &Arguments) -> String {
    let user = match &*arguments.user {
        "" => "a read without a targeting key".to_owned(),
        user => format!("the user {user}"),
    };
    let groups = match &arguments.groups[..] {
        [] => String::new(),
        [group] => format!(" in the group {group}"),
        groups => format!(" in the groups {}", groups.join(", ")),
    };
    user + &groups
}

/// What the flag gives; none where only the program knows its default.
fn value(declared: Option<&FlagRecord>, document: Option<&Document<'_>>, decision: Decision) -> Option<Box<RawValue>> {
    let is_bool = declared.map(|flag| flag.value_type == "bool");
    let json = |text: &str| RawValue::from_string(text.to_owned()).ok();
    let default = || json(declared?.default.as_ref()?.get()).filter(|default| !default.get().starts_with("{\"expr\""));
    let in_document = document.and_then(|document| document.value);
    match (decision.reason, is_bool) {
        (Reason::Default, _) => default(),
        (_, Some(true)) => json(if decision.is_on { "true" } else { "false" }),
        (_, Some(false)) if decision.is_on => in_document.map(ToOwned::to_owned).or_else(default),
        (_, Some(false)) => default(),
        // Nothing tells the type: a document without a value is most often a bool's.
        (_, None) if decision.is_on => in_document.map_or_else(|| json("true"), |value| Some(value.to_owned())),
        (_, None) => json("false").filter(|_| in_document.is_none()),
    }
}

/// What would change the answer, the least first.
fn changes(found: &Found, document: Option<&Document<'_>>, decision: Decision, arguments: &Arguments) -> Vec<Change> {
    let Found { key, declared, .. } = found;
    let name = shell_word(&found.name);
    let user = &arguments.user;
    let mut changes = Vec::new();
    let mut add = |command: String, then: String| changes.push(Change { command, then });
    let ctx = arguments.groups.iter().fold(EvaluationContext::new(&**user), EvaluationContext::group);
    let then = |changed: &Document<'_>| {
        let (decision, steps) = evaluate_explained(key, Some(&Targeting::compile(changed)), &ctx);
        let why = steps.last().map(ToString::to_string).unwrap_or_default();
        format!("{}: {why}", if decision.is_on { "on" } else { "off" })
    };
    let Some(document) = document else {
        add(format!("cargo flags on {name}"), "on for everybody".to_owned());
        return changes;
    };
    // The lowest percentage that admits the user, to four digits.
    let above = (bucket(key, user) * 10_000.0).floor() / 10_000.0 + 0.0001;
    let below = (bucket(key, user) * 10_000.0).floor() / 10_000.0;
    match (decision.reason, decision.is_on) {
        (Reason::Disabled, _) => {
            let mut enabled = document.clone();
            enabled.enabled = true;
            add(format!("cargo flags on {name}"), then(&enabled));
        }
        (Reason::TargetingMatch, _) => {
            let mut denied = document.clone();
            let is_listed = denied.allowed_users.iter().any(|listed| **listed == **user);
            let group =
                arguments.groups.iter().find(|group| denied.allowed_groups.iter().any(|listed| **listed == ***group));
            let words = match (is_listed, group) {
                (true, _) => format!("--user {}", shell_word(user)),
                (false, group) => format!("--group {}", shell_word(group.map_or("", String::as_str))),
            };
            if is_listed {
                denied.allowed_users.retain(|listed| **listed != **user);
            } else {
                denied.allowed_groups.retain(|listed| Some(&**listed) != group.map(String::as_str));
            }
            add(format!("cargo flags deny {name} {words}"), then(&denied));
        }
        (_, true) => {
            add(
                format!("cargo flags rollout {name} {below:.4}"),
                "off for this user, as for all from that share on; any lower one too".to_owned(),
            );
        }
        (_, false) => {
            if !user.is_empty() {
                add(
                    format!("cargo flags allow {name} --user {}", shell_word(user)),
                    "on for this user alone".to_owned(),
                );
            }
            add(
                format!("cargo flags rollout {name} {:.4}", above.min(100.0)),
                "on for this user, as for all below that share; any higher one too".to_owned(),
            );
        }
    }
    if decision.is_on {
        add(format!("cargo flags off {name}"), "off for everybody".to_owned());
        let has_no_value = document.value.is_none();
        if let Some(declared) = declared.as_ref().filter(|flag| flag.value_type != "bool" && has_no_value) {
            add(
                format!("cargo flags set {name} VALUE"),
                format!("another value than the default: the document has none of type {}", declared.value_type),
            );
        }
    }
    changes
}
