//! Wire form: a process's report as the JSON document that it leaves where others can add it up.
//!
//! Its totals since it began to count, not what came since the last time: written twice it counts once, and a lost
//! connection loses nothing. Values are in it only as `clean` made them, or where the program shares all of them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::record::{self, Record};
use super::report::{Mismatch, Report, SideReport};
use super::result::Verdict;

/// Whether values leave the process that were not cleaned.
static SHARES_UNCLEANED: AtomicBool = AtomicBool::new(false);

pub(crate) fn share_uncleaned(is_shared: bool) {
    // Relaxed: a setting that stands alone.
    SHARES_UNCLEANED.store(is_shared, Ordering::Relaxed);
}

/// What tells this process from every other one, for as long as it lives.
pub(crate) fn instance() -> &'static str {
    static INSTANCE: LazyLock<String> = LazyLock::new(|| {
        let random = RandomState::new().hash_one(SystemTime::now());
        format!("{random:016x}")
    });
    &INSTANCE
}

/// What is to leave the process of one flag.
pub(crate) struct Outgoing {
    /// The flag's key.
    pub(crate) key: &'static str,
    /// Changes with every run.
    pub(crate) stamp: u64,
    record: Arc<Record>,
}

impl Outgoing {
    /// The report as it is now.
    pub(crate) fn document(&self) -> String {
        written(&self.record.report())
    }
}

/// All flags that had a run.
pub(crate) fn outgoing() -> Vec<Outgoing> {
    let outgoing = |record: Arc<Record>| Outgoing { key: record.declaration().key(), stamp: record.stamp(), record };
    record::all().into_iter().map(outgoing).collect()
}

fn written(report: &Report) -> String {
    let verdicts: Map<String, Value> =
        Verdict::ALL.iter().map(|verdict| (verdict.as_str().to_owned(), report.count(*verdict).into())).collect();
    let is_shared = SHARES_UNCLEANED.load(Ordering::Relaxed);
    let mismatches: Vec<Value> = report.mismatches.iter().map(|mismatch| mismatch_json(mismatch, is_shared)).collect();
    json!({
        "v": 1,
        "flag": report.flag,
        "instance": instance(),
        "runtime": env!("CARGO_PKG_VERSION"),
        "since": report.since.map(milliseconds),
        "at": milliseconds(SystemTime::now()),
        "runs": report.runs,
        "verdicts": verdicts,
        "noise": {"runs": report.noise_runs, "mismatches": report.noise_mismatches},
        "faults": report.faults,
        "legacy": side_json(&report.legacy),
        "body": side_json(&report.body),
        "kinds": report.kinds,
        "mismatches": mismatches,
    })
    .to_string()
}

fn side_json(side: &SideReport) -> Value {
    json!({"errors": side.errors, "panics": side.panics, "latency_ns": side.latencies.buckets().collect::<Vec<_>>()})
}

fn mismatch_json(mismatch: &Mismatch, is_shared: bool) -> Value {
    let text = |text: &str, has_panicked: bool| match (is_shared, mismatch.is_clean, has_panicked) {
        (true, ..) | (false, true, false) => Some(text.to_owned()),
        // Nobody has cleaned the message of a panic.
        (false, true, true) => Some("panicked".to_owned()),
        (false, false, _) => None,
    };
    let [legacy, body] = mismatch.have_panicked;
    json!({
        "at": milliseconds(mismatch.at),
        "targeting_key": mismatch.targeting_key,
        "kind": mismatch.kind,
        "legacy": text(&mismatch.legacy, legacy),
        "body": text(&mismatch.body, body),
    })
}

fn milliseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    /// Reads what a process left in Redis of a flag, as `Admin::shadow_documents` (feature `admin`) gives it; add them up
    /// with [`Report::add`]. None if it cannot be read: a newer version wrote it, or another program.
    pub fn from_document(flag: &str, document: &[u8]) -> Option<Self> {
        read(flag, &serde_json::from_slice(document).ok()?)
    }
}

fn read(flag: &str, document: &Value) -> Option<Report> {
    let count = |value: &Value| value.as_u64();
    if count(&document["v"])? != 1 {
        return None;
    }
    let mut report = Report::empty(flag);
    report.processes = 1;
    report.since = count(&document["since"]).and_then(moment);
    report.at = count(&document["at"]).and_then(moment);
    report.runs = count(&document["runs"])?;
    for verdict in Verdict::ALL {
        // One that the writer does not know it never came to.
        report.verdicts[verdict as usize] = count(&document["verdicts"][verdict.as_str()]).unwrap_or(0);
    }
    report.noise_runs = count(&document["noise"]["runs"])?;
    report.noise_mismatches = count(&document["noise"]["mismatches"])?;
    report.faults = count(&document["faults"])?;
    for (side, name) in [(&mut report.legacy, "legacy"), (&mut report.body, "body")] {
        let document = &document[name];
        side.errors = count(&document["errors"])?;
        side.panics = count(&document["panics"])?;
        for bucket in document["latency_ns"].as_array()? {
            side.latencies.add(count(&bucket[0])?, count(&bucket[1])?);
        }
    }
    for kind in document["kinds"].as_array()? {
        report.kinds.push((kind[0].as_str()?.to_owned(), count(&kind[1])?));
    }
    for mismatch in document["mismatches"].as_array()? {
        report.mismatches.push(read_mismatch(mismatch)?);
    }
    Some(report)
}

fn read_mismatch(document: &Value) -> Option<Mismatch> {
    let text = |name: &str| document[name].as_str().map(str::to_owned);
    let is_clean = text("legacy").is_some();
    let side = |name: &str| text(name).unwrap_or_else(|| "(stays in its process)".to_owned());
    Some(Mismatch {
        at: moment(document["at"].as_u64()?)?,
        targeting_key: text("targeting_key"),
        kind: text("kind")?,
        legacy: side("legacy"),
        body: side("body"),
        is_clean,
        have_panicked: [false; 2],
    })
}

fn moment(milliseconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::empty("fast_search");
        report.processes = 1;
        report.since = Some(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        report.runs = 10;
        report.verdicts = [5, 2, 1, 0, 1, 0, 0, 0];
        report.noise_runs = 3;
        report.faults = 1;
        report.last_fault = Some("secret".to_owned());
        report.legacy.errors = 1;
        report.legacy.latencies.add(1000, 9);
        report.body.latencies.add(2000, 8);
        report.kinds = vec![("values differ".to_owned(), 2)];
        let mismatch = Mismatch {
            at: UNIX_EPOCH + Duration::from_millis(1_800_000_000_123),
            targeting_key: Some("abc".to_owned()),
            kind: "values differ".to_owned(),
            legacy: "secret".to_owned(),
            body: "secret".to_owned(),
            is_clean: false,
            have_panicked: [false; 2],
        };
        report.mismatches = vec![
            mismatch.clone(),
            Mismatch {
                is_clean: true,
                legacy: "clean".to_owned(),
                body: "panicked: secret".to_owned(),
                have_panicked: [false, true],
                ..mismatch
            },
        ];
        report
    }

    #[test]
    fn documents_of_processes_add_up_and_hold_no_value_that_was_not_cleaned() {
        let document = written(&report());
        assert!(!document.contains("secret"), "{document}");
        let mut sum = Report::empty("fast_search");
        for _ in 0..2 {
            sum.add(Report::from_document("fast_search", document.as_bytes()).expect("it is read"));
        }
        assert_eq!((sum.processes(), sum.runs(), sum.compared(), sum.in_flight()), (2, 20, 14, 2));
        assert_eq!(sum.count(Verdict::Ignored), 2);
        assert_eq!(sum.noise(), (6, 0));
        assert_eq!((sum.legacy().ended(), sum.legacy().errors(), sum.body().ended()), (18, 2, 16));
        assert_eq!(sum.kinds(), [("values differ".to_owned(), 4)]);
        assert_eq!(sum.mismatches().len(), 4);
        assert_eq!((sum.mismatches()[3].legacy.as_str(), sum.mismatches()[3].body.as_str()), ("clean", "panicked"));
        assert_eq!(sum.since(), report().since());
    }

    #[test]
    fn what_is_of_another_form_or_of_a_newer_version_is_not_read() {
        let good = written(&report());
        let newer = good.replace("\"v\":1", "\"v\":2");
        for bad in ["", "[]", "null", "{\"v\":1}", "{\"v\":1,\"runs\":-1}", newer.as_str()] {
            assert!(Report::from_document("fast_search", bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
