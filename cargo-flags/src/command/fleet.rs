//! `fleet`: every process that reports, and how far the document of a flag has come among them.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use flags_runtime::source::redis::admin::{Admin, AdminError, Heartbeat, Spread, Stand};
use serde_json::{Map, Value, json};

use crate::cli::{Check, Server, duration};
use crate::failure::{Failure, note, warn};
use crate::known::{self, Need};
use crate::live::Live;
use crate::report::{self, Format, Rows, visible};

/// Show every process with flags, and of a flag who has its document
///
/// A process tells of itself every minute, and within a second after a change. One that was killed is shown for two and a half
/// minutes. With `--wait` the exit code is 1 unless every process that knows the flag has its document in time.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Show who has the document of this flag
    name: Option<String>,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    check: Check,

    /// Wait so long at most until every process has the document: 5s, 500ms, 1m
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "name")]
    wait: Option<Duration>,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Between two looks of `--wait`.
const LOOK: Duration = Duration::from_millis(100);
/// A process that lives tells so more often: one that is silent for longer is most likely gone.
const SILENCE: Duration = Duration::from_secs(80);
/// How many processes a sentence names.
const MOST: usize = 5;
const NOBODY: &str = "no process reports here: cannot tell who has it";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut live = Live::connect(&arguments.server, arguments.name.as_deref().unwrap_or_default())?;
    let Some(name) = &arguments.name else { return everybody(&mut live.admin, arguments.format) };
    let target = known::target(&mut live.admin, &arguments.check.artifact, name, Need::NameToRead, false)?;
    let patience = arguments.wait.unwrap_or_default();
    let spread = wait(&mut live.admin, &target.key, patience)?;
    let mut rows = Rows::new(&["service", "host", "pid", "build", "heartbeat", "mode", "state", "document"]);
    for (process, stand) in &spread.processes {
        let mut row = row(process);
        row.push(stand_text(&target.key, process, *stand));
        rows.push(row);
    }
    let mut json = as_json(&target.key, &spread);
    json["name"] = target.name.clone().into();
    json["key"] = live.key(&target.key).into();
    json["sha"] = spread.sha.clone().into();
    json["processes"] = spread.processes.iter().map(|(process, _)| process_json(process)).collect();
    report::print_under(arguments.format, &visible(&summary(&target.key, &spread)), &rows, &json)?;
    match arguments.wait {
        Some(patience) => expect_everywhere(&target.name, &target.key, &spread, patience),
        None => Ok(()),
    }
}

/// Looks until every process that knows the flag has its document or refuses it, or the time is up.
pub(crate) fn wait(admin: &mut Admin, key: &str, patience: Duration) -> Result<Spread, AdminError> {
    let give_up = Instant::now() + patience;
    let mut spread = admin.spread(key, None)?;
    while count(&spread, Stand::NotYet) > 0 && Instant::now() < give_up {
        thread::sleep(LOOK.min(give_up.saturating_duration_since(Instant::now())));
        spread = admin.spread(key, Some(spread))?;
    }
    Ok(spread)
}

/// A failure with exit code 1 unless it can be said of every process that it goes by the document.
pub(crate) fn expect_everywhere(name: &str, key: &str, spread: &Spread, patience: Duration) -> Result<(), Failure> {
    let of = spread.processes.len();
    let is_overridden =
        |(process, _): &&(Heartbeat, Stand)| process.flags.get(key).is_some_and(|flag| flag.is_overridden);
    let overridden = spread.processes.iter().filter(is_overridden).count();
    if of > 0 && spread.unreadable == 0 && overridden == 0 && count(spread, Stand::Applied) == of {
        return Ok(());
    }
    Err(Failure::denied(if of == 0 {
        format!("nobody can say whether the document of `{name}` is in force anywhere")
    } else if count(spread, Stand::NotYet) > 0 {
        format!("the document of `{name}` is not in force everywhere within {patience:?}")
    } else if overridden > 0 {
        format!("the document of `{name}` does not count everywhere: an override file answers in {overridden} of {of}")
    } else {
        format!("the document of `{name}` is not in force everywhere")
    }))
}

/// How far it has come, in one line.
pub(crate) fn summary(key: &str, spread: &Spread) -> String {
    let Spread { processes, unaware, unreadable, .. } = spread;
    let mut line = match (processes.len(), unaware.len()) {
        (0, 0) => NOBODY.to_owned(),
        (0, _) => "no process that reports here knows this flag: cannot tell who has it".to_owned(),
        (of, _) => format!("applied by {} of {of}", count(spread, Stand::Applied)),
    };
    let of = |is: &dyn Fn(&Heartbeat, Stand) -> bool| -> Vec<&Heartbeat> {
        processes.iter().filter(|(process, stand)| is(process, *stand)).map(|(process, _)| process).collect()
    };
    let flag = |process: &Heartbeat| process.flags.get(key).cloned().unwrap_or_default();
    let refusing = of(&|_, stand| stand == Stand::Refused);
    if !refusing.is_empty() {
        let why = |process: &Heartbeat| format!("{}: {}", place(process), flag(process).refused.unwrap_or_default());
        let (verb, named) = (if refusing.len() == 1 { "refuses" } else { "refuse" }, named(&refusing, "; ", why));
        let _ = write!(line, ", {} {verb} it: {named}", refusing.len());
    }
    let late = of(&|_, stand| stand == Stand::NotYet);
    if !late.is_empty() {
        let where_ = |process: &Heartbeat| match (since(process.at), &*process.state) {
            (age, _) if age > SILENCE => format!("{} (silent for {} s)", place(process), age.as_secs()),
            (_, state) if flag(process).is_outage => format!("{} ({state}, answers its default)", place(process)),
            (_, "live") if flag(process).is_held => format!("{} (held)", place(process)),
            (_, "live") => place(process),
            (_, state) => format!("{} ({state})", place(process)),
        };
        let _ = write!(line, ", {} not yet: {}", late.len(), named(&late, ", ", where_));
    }
    let overridden = of(&|process, _| flag(process).is_overridden);
    if !overridden.is_empty() {
        let _ = write!(line, ", but overridden in {}: {}", overridden.len(), named(&overridden, ", ", place));
    }
    if !unaware.is_empty() && !processes.is_empty() {
        let _ = write!(line, "; {} in which this flag is not known", counted(unaware.len(), "process", "processes"));
    }
    if *unreadable > 0 {
        let _ = write!(line, "; {} cannot be read", counted(*unreadable, "heartbeat", "heartbeats"));
    }
    line
}

/// The same for programs.
pub(crate) fn as_json(key: &str, spread: &Spread) -> Value {
    let of = |wanted: Stand| -> Vec<Value> {
        let those = spread.processes.iter().filter(|(_, stand)| *stand == wanted);
        those.map(|(process, _)| place_json(key, process)).collect()
    };
    let is_overridden = |process: &&Heartbeat| process.flags.get(key).is_some_and(|flag| flag.is_overridden);
    let overridden = spread.processes.iter().map(|(process, _)| process).filter(is_overridden);
    json!({
        "applied": count(spread, Stand::Applied),
        "of": spread.processes.len(),
        "refused": of(Stand::Refused),
        "not_yet": of(Stand::NotYet),
        "overridden": overridden.map(|process| place_json(key, process)).collect::<Vec<_>>(),
        "not_known_in": spread.unaware.len(),
        "unreadable": spread.unreadable,
        "summary": summary(key, spread),
    })
}

fn everybody(admin: &mut Admin, format: Format) -> Result<(), Failure> {
    let found = admin.fleet()?;
    if found.unreadable > 0 {
        warn(format_args!(
            "{} cannot be read: a newer version wrote it, or another program",
            counted(found.unreadable, "heartbeat", "heartbeats")
        ));
    }
    if found.items.is_empty() {
        note("no process reports here");
    }
    let mut rows =
        Rows::new(&["service", "host", "pid", "build", "heartbeat", "mode", "state", "refused", "overridden"]);
    for process in &found.items {
        let keys = |is: &dyn Fn(&str) -> bool| {
            process.flags.keys().map(String::as_str).filter(|key| is(key)).collect::<Vec<_>>().join(", ")
        };
        let flag = |key: &str| process.flags.get(key).cloned().unwrap_or_default();
        let mut row = row(process);
        row.push(keys(&|key| flag(key).refused.is_some() || flag(key).override_refused.is_some()));
        row.push(keys(&|key| flag(key).is_overridden));
        rows.push(row);
    }
    let json: Vec<_> = found.items.iter().map(process_json).collect();
    report::print(format.into(), &rows, &json)
}

fn row(process: &Heartbeat) -> Vec<String> {
    let Heartbeat { service, host, pid, build, at, mode, state, .. } = process;
    let age = format!("{} s ago", since(*at).as_secs());
    let mode = mode.as_deref().unwrap_or("-").to_owned();
    vec![service.clone(), host.clone(), pid.to_string(), build.clone(), age, mode, state_text(state, process.age)]
}

/// How fresh the documents of a process without contact are.
fn state_text(state: &str, age: Option<Duration>) -> String {
    match age {
        Some(age) if state != "live" => format!("{state}, data of {} s ago", age.as_secs()),
        _ => state.to_owned(),
    }
}

fn stand_text(key: &str, process: &Heartbeat, stand: Stand) -> String {
    let flag = process.flags.get(key).cloned().unwrap_or_default();
    let mut text = match stand {
        Stand::Applied => "applied".to_owned(),
        Stand::Refused => format!("refused: {}", flag.refused.unwrap_or_default()),
        _ if flag.is_outage => "not yet: its source is away, and the declared default answers".to_owned(),
        _ if flag.is_held => "not yet: held, since most documents vanished at once".to_owned(),
        _ => "not yet".to_owned(),
    };
    if flag.is_overridden {
        text += ", but overridden";
    }
    text
}

/// Clocks of two machines differ: what comes from the future is of now.
fn since(moment: SystemTime) -> Duration {
    SystemTime::now().duration_since(moment).unwrap_or_default()
}

fn count(spread: &Spread, wanted: Stand) -> usize {
    spread.processes.iter().filter(|(_, stand)| *stand == wanted).count()
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn named(processes: &[&Heartbeat], between: &str, name: impl Fn(&Heartbeat) -> String) -> String {
    let mut names: Vec<_> = processes.iter().take(MOST).map(|process| name(process)).collect();
    if processes.len() > MOST {
        names.push(format!("and {} more", processes.len() - MOST));
    }
    names.join(between)
}

fn place(process: &Heartbeat) -> String {
    format!("{}/{}", process.host, process.pid)
}

fn place_json(key: &str, process: &Heartbeat) -> Value {
    let Heartbeat { service, host, pid, instance, state, .. } = process;
    let error = process.flags.get(key).and_then(|flag| flag.refused.clone());
    json!({"service": service, "host": host, "pid": pid, "instance": instance, "state": state, "error": error})
}

fn process_json(process: &Heartbeat) -> Value {
    let refused: Map<String, Value> = process
        .flags
        .iter()
        .filter_map(|(key, flag)| {
            let why = flag.refused.as_ref().or(flag.override_refused.as_ref())?;
            Some((key.clone(), why.clone().into()))
        })
        .collect();
    let overridden: Vec<_> = process.flags.iter().filter(|(_, flag)| flag.is_overridden).map(|(key, _)| key).collect();
    json!({
        "service": process.service,
        "host": process.host,
        "pid": process.pid,
        "instance": process.instance,
        "build": process.build,
        "runtime": process.runtime,
        "started": time(process.started),
        "at": time(process.at),
        "source": process.source,
        "mode": process.mode,
        "state": process.state,
        "age_ms": process.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        "flags": process.flags.len(),
        "refused": refused,
        "overridden": overridden,
    })
}

/// RFC 3339, UTC, milliseconds.
fn time(moment: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(moment).ok().map(|moment| format!("{moment:.3}"))
}
