//! `shadow`: what the dark launches of a fleet add up to, and what may be concluded from it.

use std::io::{self, IsTerminal, Write as _};
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Args;
use flags_runtime::dark_launch::{Mismatch, Report, SideReport, Verdict};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::cli::{Check, Server};
use crate::failure::{Failure, warn};
use crate::known::{self, Need};
use crate::live::Live;
use crate::report::{self, Format, Rows, visible};

/// Show what the dark launches of a flag add up to, and whether it is safe to switch
///
/// Adds up what every process has left in Redis since it began to count; results are kept for a week after a process last
/// wrote, which it does every 10 seconds while there are new ones. After a fix, look at the processes that have it: `--since`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The flag's name
    name: String,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    check: Check,

    /// Only processes that began to count so long ago at most or at this moment or later: 90m, 36h, 7d, 2026-11-25,
    /// 2026-11-25T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// Show it again every two seconds, until interrupted
    #[arg(long)]
    watch: bool,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const PAUSE: Duration = Duration::from_secs(2);
/// How many kinds and mismatches people are shown; JSON has all.
const MOST_KINDS: usize = 10;
const MOST_MISMATCHES: usize = 5;
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
/// Leaves the screen empty and begins at its top.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let name = &arguments.name;
    let mut live = Live::connect(&arguments.server, name)?;
    let target = known::target(&mut live.admin, &arguments.check.artifact, name, Need::NameToRead, false);
    let key = match target {
        Ok(target) => target.key,
        // Whoever has results is known.
        Err(_) if !live.admin.shadow_documents(name)?.is_empty() => name.clone(),
        Err(unknown) => return Err(unknown),
    };
    loop {
        let shown = look(&mut live, &key, arguments);
        if !arguments.watch {
            return shown;
        }
        match shown {
            // Nobody watches any more.
            Err(Failure::ReaderGone) => return Err(Failure::ReaderGone),
            // A server comes back.
            Err(lost) => drop(lost.report()),
            Ok(()) => {}
        }
        thread::sleep(PAUSE);
    }
}

fn look(live: &mut Live, key: &str, arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { name, since, watch, format, .. } = arguments;
    let documents = live.admin.shadow_documents(key)?;
    let Sum { report, unreadable, older } = added_up(&documents, name, *since);
    if *watch && io::stdout().is_terminal() {
        write!(io::stdout(), "{CLEAR}").map_err(Failure::output)?;
    }
    if *watch && *format != Format::Json {
        writeln!(io::stdout(), "{}", time(SystemTime::now())).map_err(Failure::output)?;
    }
    if unreadable > 0 {
        warn(format_args!(
            "{unreadable} of the results of `{name}` cannot be read: a newer version wrote them, or another program"
        ));
    }
    if report.processes() == 0 && older > 0 {
        warn(format_args!("all {older} processes that left results began to count earlier than --since"));
    }
    show(&report, *format)?;
    io::stdout().flush().map_err(Failure::output)
}

/// A moment, or how long ago it is.
fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = |unit: &str| match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let ago = text.char_indices().last().and_then(|(last, _)| {
        let (number, unit) = text.split_at(last);
        number.parse::<i64>().ok()?.checked_mul(seconds(unit)?)
    });
    if let Some(ago) = ago.filter(|ago| *ago >= 0) {
        return Timestamp::now()
            .checked_sub(SignedDuration::from_secs(ago))
            .map_err(|_| format!("`{text}` is longer ago than there is time"));
    }
    let midnight = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    text.parse().ok().or_else(midnight).ok_or_else(|| {
        "write how long ago, like 90m, 36h or 7d, or a moment, like 2026-11-25 or 2026-11-25T10:00:00Z".to_owned()
    })
}

/// What processes left, added up.
struct Sum {
    report: Report,
    /// How many documents cannot be read.
    unreadable: usize,
    /// How many processes began to count before the moment that is asked for.
    older: usize,
}

fn added_up(documents: &[Vec<u8>], name: &str, since: Option<Timestamp>) -> Sum {
    let mut sum = Sum { report: Report::empty(name), unreadable: 0, older: 0 };
    for document in documents {
        match Report::from_document(name, document) {
            Some(report) if since.is_some_and(|since| began(&report).is_none_or(|began| began < since)) => {
                sum.older += 1;
            }
            Some(report) => sum.report.add(report),
            None => sum.unreadable += 1,
        }
    }
    sum
}

fn began(report: &Report) -> Option<Timestamp> {
    report.since().and_then(timestamp)
}

fn timestamp(moment: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(moment).ok()
}

/// RFC 3339, UTC, whole seconds.
fn time(moment: SystemTime) -> String {
    let Some(timestamp) = timestamp(moment) else { return String::new() };
    Timestamp::from_second(timestamp.as_second()).map_or_else(|_| String::new(), |second| second.to_string())
}

fn show(report: &Report, format: Format) -> Result<(), Failure> {
    let verdict = if report.processes() == 0 {
        "nothing can be said: no process has left results in the last seven days".to_owned()
    } else {
        report.verdict()
    };
    let parts = [counts(report), latencies(report), kinds(report), mismatches(report)];
    report::print_parts(format, &parts, &format!("verdict: {}", visible(&verdict)), &as_json(report, &verdict))
}

fn counts(report: &Report) -> Rows {
    let mut rows = Rows::new(&["field", "value"]);
    let mut push = |field: &str, value: String| rows.push(vec![field.to_owned(), value]);
    push("flag", report.flag().to_owned());
    push("processes", report.processes().to_string());
    push("since", report.since().map_or_else(|| "-".to_owned(), time));
    push("last written", report.last_written().map_or_else(|| "-".to_owned(), time));
    push("runs", report.runs().to_string());
    for verdict in Verdict::ALL {
        let count = report.count(verdict);
        if count > 0 || matches!(verdict, Verdict::Matched | Verdict::Mismatched) {
            push(&verdict.as_str().replace('_', " "), count.to_string());
        }
    }
    if report.in_flight() > 0 {
        push("in flight", report.in_flight().to_string());
    }
    let (noise, differing) = report.noise();
    if noise > 0 {
        push("noise", format!("{differing} of {noise} A/A runs differ"));
    }
    if report.faults() > 0 {
        push("faults", format!("{} panics of rules, hooks or `Clone`", report.faults()));
    }
    rows
}

fn latencies(report: &Report) -> Rows {
    let mut rows = Rows::new(&["side", "p50", "p90", "p99", "p99.9", "max", "ended", "errors", "panics"]);
    for (name, side) in [("legacy", report.legacy()), ("body", report.body())] {
        let mut row = vec![name.to_owned()];
        row.extend(
            QUANTILES
                .iter()
                .map(|(_, share)| side.quantile(*share).map_or_else(|| "-".to_owned(), |time| format!("{time:.1?}"))),
        );
        row.extend([side.ended(), side.errors(), side.panics()].map(|count| count.to_string()));
        rows.push(row);
    }
    rows
}

fn kinds(report: &Report) -> Rows {
    let mut rows = Rows::new(&["times", "kind of mismatch"]);
    for (kind, times) in report.kinds().iter().take(MOST_KINDS) {
        rows.push(vec![times.to_string(), kind.clone()]);
    }
    rows
}

fn mismatches(report: &Report) -> Rows {
    let mut rows = Rows::new(&["at", "targeting key", "kind", "legacy", "body"]);
    // One of each kind first, then the last ones.
    let mut shown: Vec<&Mismatch> = report.examples().collect();
    for mismatch in report.mismatches().iter().rev() {
        if !shown.iter().any(|other| std::ptr::eq(*other, mismatch)) {
            shown.push(mismatch);
        }
    }
    for Mismatch { at, targeting_key, kind, legacy, body, .. } in shown.into_iter().take(MOST_MISMATCHES) {
        let key = targeting_key.as_deref().unwrap_or("-");
        rows.push(vec![time(*at), key.to_owned(), kind.clone(), legacy.clone(), body.clone()]);
    }
    rows
}

fn as_json(report: &Report, verdict: &str) -> Value {
    let verdicts: Map<String, Value> =
        Verdict::ALL.iter().map(|verdict| (verdict.as_str().to_owned(), report.count(*verdict).into())).collect();
    let (noise, differing) = report.noise();
    let mismatches = report.mismatches().iter().map(|mismatch| {
        json!({
            "at": time(mismatch.at),
            "targeting_key": mismatch.targeting_key,
            "kind": mismatch.kind,
            "legacy": mismatch.is_clean.then_some(&mismatch.legacy),
            "body": mismatch.is_clean.then_some(&mismatch.body),
        })
    });
    json!({
        "flag": report.flag(),
        "processes": report.processes(),
        "since": report.since().map(time),
        "last_written": report.last_written().map(time),
        "runs": report.runs(),
        "verdicts": verdicts,
        "compared": report.compared(),
        "mismatch_rate": report.mismatch_rate(),
        "mismatch_bound_95": report.mismatch_bound(),
        "noise": {"runs": noise, "mismatches": differing},
        "faults": report.faults(),
        "legacy": side_json(report.legacy()),
        "body": side_json(report.body()),
        "kinds": report.kinds().iter().map(|(kind, times)| json!({"kind": kind, "times": times})).collect::<Vec<_>>(),
        "mismatches": mismatches.collect::<Vec<_>>(),
        "verdict": verdict,
    })
}

fn side_json(side: &SideReport) -> Value {
    let quantiles: Map<String, Value> = QUANTILES
        .iter()
        .map(|(name, share)| {
            let nanoseconds = side.quantile(*share).map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
            ((*name).to_owned(), nanoseconds.into())
        })
        .collect();
    json!({"ended": side.ended(), "errors": side.errors(), "panics": side.panics(), "latency_ns": quantiles})
}
