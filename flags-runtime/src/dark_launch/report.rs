//! Reports: what the runs of a flag add up to, and what may be concluded from them.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::confidence::upper_bound;
use super::latency::Latencies;
use super::record::{RING, count_kind};
use super::result::{Ended, Observation, ShadowResult, Verdict};
use super::words::{duration, grouped, percent, percent_above, printable, ratio, runs};

/// What the runs of one flag add up to: in this process, or in all that share a Redis.
///
/// `Display` is a page for people.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) flag: String,
    pub(super) processes: u64,
    pub(super) since: Option<SystemTime>,
    pub(super) at: Option<SystemTime>,
    pub(super) runs: u64,
    pub(super) verdicts: [u64; Verdict::ALL.len()],
    pub(super) noise_runs: u64,
    pub(super) noise_mismatches: u64,
    pub(super) faults: u64,
    pub(super) last_fault: Option<String>,
    pub(super) legacy: SideReport,
    pub(super) body: SideReport,
    pub(super) kinds: Vec<(String, u64)>,
    pub(super) mismatches: Vec<Mismatch>,
}

/// What is known of one side.
#[derive(Clone, Debug)]
pub struct SideReport {
    pub(super) errors: u64,
    pub(super) panics: u64,
    pub(super) latencies: Latencies,
}

/// One mismatch, as it is remembered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// When, by the wall clock.
    pub at: SystemTime,
    /// Whose run it was, as [`Builder::targeting_keys`](crate::Builder::targeting_keys) lets it be shown.
    pub targeting_key: Option<String>,
    /// What kind of mismatch it is.
    pub kind: String,
    /// The legacy side: its result by `clean` or `Debug`, at most 2 KiB; `Err` and panics are told as such.
    pub legacy: String,
    /// The new function's side.
    pub body: String,
    /// Whether the texts of results were made by `clean`, and may leave the process.
    pub is_clean: bool,
    /// Which sides panicked, legacy first: nobody cleans the message of a panic.
    pub(super) have_panicked: [bool; 2],
}

/// How much has to be compared before a verdict says more than "too few": what 300 runs without a mismatch leave open is
/// one in a hundred.
const ENOUGH: u64 = 300;

/// Below this a difference of latencies is the clock's as much as the functions'.
const NOTABLE: Duration = Duration::from_micros(1);

impl Report {
    /// Of a flag that had no run: to add others to.
    pub fn empty(flag: &str) -> Self {
        Self {
            flag: flag.to_owned(),
            processes: 0,
            since: None,
            at: None,
            runs: 0,
            verdicts: [0; Verdict::ALL.len()],
            noise_runs: 0,
            noise_mismatches: 0,
            faults: 0,
            last_fault: None,
            legacy: SideReport::empty(),
            body: SideReport::empty(),
            kinds: Vec::new(),
            mismatches: Vec::new(),
        }
    }

    /// The flag's name.
    pub fn flag(&self) -> &str {
        &self.flag
    }

    /// How many processes reported.
    pub fn processes(&self) -> u64 {
        self.processes
    }

    /// When the first of them began to count; none if none did.
    pub fn since(&self) -> Option<SystemTime> {
        self.since
    }

    /// When the last of them wrote; none if none did.
    pub fn last_written(&self) -> Option<SystemTime> {
        self.at
    }

    /// How many runs were begun, A/A runs not included. Each has one verdict, or is [in flight](Self::in_flight).
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// How many runs came to this.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize]
    }

    /// How many runs are not over: detached trials, and futures.
    pub fn in_flight(&self) -> u64 {
        self.runs.saturating_sub(self.verdicts.iter().sum())
    }

    /// How many runs were compared and count: matches and mismatches.
    pub fn compared(&self) -> u64 {
        self.count(Verdict::Matched) + self.count(Verdict::Mismatched)
    }

    /// A/A runs (legacy against legacy) and how many of them differed: that much of the mismatch is noise.
    pub fn noise(&self) -> (u64, u64) {
        (self.noise_runs, self.noise_mismatches)
    }

    /// The share of the compared runs that differed, from 0 to 1; none without any.
    pub fn mismatch_rate(&self) -> Option<f64> {
        ratio(self.count(Verdict::Mismatched), self.compared())
    }

    /// With 95 % confidence the true share of runs that differ is below this, from 0 to 1; 1 without any. It holds for
    /// runs like those that were compared.
    pub fn mismatch_bound(&self) -> f64 {
        upper_bound(self.count(Verdict::Mismatched), self.compared())
    }

    /// How often a rule, a hook or the `Clone` of an argument panicked.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// The last of these faults.
    pub fn last_fault(&self) -> Option<&str> {
        self.last_fault.as_deref()
    }

    /// The legacy function.
    pub fn legacy(&self) -> &SideReport {
        &self.legacy
    }

    /// The new function.
    pub fn body(&self) -> &SideReport {
        &self.body
    }

    /// The kinds of mismatch and how often each was seen, the most frequent first; at most 65.
    pub fn kinds(&self) -> &[(String, u64)] {
        &self.kinds
    }

    /// The last mismatches, at most 32, the oldest first.
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }

    /// The last mismatch of each kind that is still remembered, the most frequent kind first.
    pub fn examples(&self) -> impl Iterator<Item = &Mismatch> {
        self.kinds.iter().filter_map(|(kind, _)| self.mismatches.iter().rev().find(|mismatch| mismatch.kind == *kind))
    }

    /// One line that says what may be concluded, and from how much.
    pub fn verdict(&self) -> String {
        let (compared, differ) = (self.compared(), self.count(Verdict::Mismatched));
        let mut verdict = vec![self.verdict_on_results(compared, differ)];
        if compared > 0 {
            verdict.extend(self.uncompared().map(|uncompared| format!("{uncompared}, and may hide what differs")));
        }
        if self.noise_runs > 0 {
            let (noisy, of) = (grouped(self.noise_mismatches), grouped(self.noise_runs));
            verdict.push(format!("noise: {noisy} of {of} differ when legacy is compared with itself"));
        }
        if let (Some(legacy), Some(body)) = (self.legacy.quantile(0.99), self.body.quantile(0.99))
            && body > legacy * 3 / 2
            && body > legacy + NOTABLE
        {
            let (legacy, body) = (duration(legacy), duration(body));
            verdict.push(format!("at the 99th percentile legacy takes {legacy}, the body {body}"));
        }
        if self.count(Verdict::Unfinished) * 20 > self.runs {
            verdict.push(
                "latencies are those of trials that finished; the answer does not cut short those of `run = detached`"
                    .to_owned(),
            );
        }
        verdict.join("; ")
    }

    fn verdict_on_results(&self, compared: u64, differ: u64) -> String {
        if compared == 0 {
            return if self.count(Verdict::NotRun) > 0 {
                "nothing can be said: this program aborts when it panics, so trials are not run".to_owned()
            } else {
                let why = self.uncompared().unwrap_or_else(|| "no run has been compared yet".to_owned());
                format!("nothing can be said: {why}")
            };
        }
        let found = format!("{} of {} differ", grouped(differ), grouped(compared));
        let bound = percent_above(self.mismatch_bound());
        match (differ, compared) {
            (0, ..ENOUGH) => format!("{found}: too few to tell, it may still be up to {bound} with 95 % confidence"),
            (0, _) => format!("{found}: below {bound} with 95 % confidence"),
            _ => format!(
                "{found}: {}, at most {bound} with 95 % confidence; look at the mismatches before you switch",
                percent(self.mismatch_rate().unwrap_or_default())
            ),
        }
    }

    /// Which runs were not compared, and why.
    fn uncompared(&self) -> Option<String> {
        let reasons = [
            (Verdict::Late, "late"),
            (Verdict::Unfinished, "unfinished, which is slower than the answer or left by the caller"),
            (Verdict::Shed, "shed, because too many were running"),
            (Verdict::Unjudged, "unjudged, because a rule panicked"),
        ];
        let counts = reasons.iter().map(|(verdict, why)| (self.count(*verdict), why)).filter(|(count, _)| *count > 0);
        let told: Vec<_> = counts.clone().map(|(count, why)| format!("{} {why}", grouped(count))).collect();
        let sum: u64 = counts.map(|(count, _)| count).sum();
        let share = percent(ratio(sum, self.runs)?);
        (sum > 0).then(|| {
            format!("{} of {} ({share}) were not compared: {}", grouped(sum), runs(self.runs), told.join(", "))
        })
    }

    /// Adds another report of the same flag, most often another process's.
    pub fn add(&mut self, other: Self) {
        self.processes += other.processes;
        self.since = self.since.into_iter().chain(other.since).min();
        self.at = self.at.into_iter().chain(other.at).max();
        self.runs += other.runs;
        for (sum, count) in self.verdicts.iter_mut().zip(other.verdicts) {
            *sum += count;
        }
        self.noise_runs += other.noise_runs;
        self.noise_mismatches += other.noise_mismatches;
        self.faults += other.faults;
        self.last_fault = other.last_fault.or(self.last_fault.take());
        for (own, side) in [(&mut self.legacy, &other.legacy), (&mut self.body, &other.body)] {
            own.errors += side.errors;
            own.panics += side.panics;
            own.latencies.add_all(&side.latencies);
        }
        for (kind, times) in &other.kinds {
            count_kind(&mut self.kinds, kind, *times);
        }
        self.sort_kinds();
        self.mismatches.extend(other.mismatches);
        self.mismatches.sort_by_key(|mismatch| mismatch.at);
        let surplus = self.mismatches.len().saturating_sub(RING);
        self.mismatches.drain(..surplus);
    }

    pub(super) fn sort_kinds(&mut self) {
        self.kinds.sort_by(|(one, often), (other, seldom)| seldom.cmp(often).then_with(|| one.cmp(other)));
    }
}

impl SideReport {
    fn empty() -> Self {
        Self { errors: 0, panics: 0, latencies: Latencies::new() }
    }

    /// How many runs of it ended: by a result, an error or a panic.
    pub fn ended(&self) -> u64 {
        self.latencies.count()
    }

    /// How often it returned an `Err`.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// How often it panicked.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    /// The time within which this share of its runs (0 to 1) was over, to 1 %; none without runs.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        self.latencies.quantile(share)
    }
}

impl Mismatch {
    pub(super) fn of(result: &ShadowResult) -> Self {
        Self {
            at: result.at(),
            targeting_key: result.targeting_key(),
            kind: result.kind().unwrap_or_default().to_owned(),
            legacy: told(result.legacy()),
            body: told(result.body()),
            is_clean: result.is_clean(),
            have_panicked: [result.legacy(), result.body()].map(|side| side.ended == Some(Ended::Panicked)),
        }
    }
}

fn told(observation: &Observation) -> String {
    let text = observation.text.as_deref().unwrap_or_default();
    match observation.ended {
        Some(Ended::Panicked) => format!("panicked: {text}"),
        _ => text.to_owned(),
    }
}

/// The quantiles that reports show.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.flag, runs(self.runs))?;
        for verdict in Verdict::ALL {
            let count = self.count(verdict);
            if count > 0 || matches!(verdict, Verdict::Matched | Verdict::Mismatched) {
                let share = percent(ratio(count, self.runs).unwrap_or_default());
                writeln!(f, "  {:<11} {:>10}  {share}", verdict.as_str().replace('_', " "), grouped(count))?;
            }
        }
        if self.in_flight() > 0 {
            writeln!(f, "  {:<11} {:>10}", "in flight", grouped(self.in_flight()))?;
        }
        write!(f, "  {:<11}", "latency")?;
        for (name, _) in QUANTILES {
            write!(f, " {name:>10}")?;
        }
        writeln!(f, "  errors  panics")?;
        for (name, side) in [("legacy", &self.legacy), ("body", &self.body)] {
            write!(f, "  {name:<11}")?;
            for (_, share) in QUANTILES {
                let time = side.quantile(share).map_or_else(|| "-".to_owned(), duration);
                write!(f, " {time:>10}")?;
            }
            writeln!(f, "  {:>6}  {:>6}", grouped(side.errors), grouped(side.panics))?;
        }
        for (kind, times) in self.kinds.iter().take(5) {
            writeln!(f, "  {:>10} x {kind}", grouped(*times))?;
        }
        for mismatch in self.examples().take(3) {
            writeln!(f, "  {}, for example", mismatch.kind)?;
            writeln!(f, "    legacy: {}", printable(&mismatch.legacy))?;
            writeln!(f, "    body:   {}", printable(&mismatch.body))?;
        }
        if let Some(fault) = &self.last_fault {
            writeln!(f, "  faults      {:>10}  the last: {}", grouped(self.faults), printable(fault))?;
        }
        write!(f, "  verdict: {}", self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(matched: u64, mismatched: u64) -> Report {
        let mut report = Report::empty("fast_search");
        report.runs = matched + mismatched;
        report.verdicts[Verdict::Matched as usize] = matched;
        report.verdicts[Verdict::Mismatched as usize] = mismatched;
        report
    }

    #[test]
    fn the_verdict_is_honest_about_the_sample() {
        assert_eq!(report(0, 0).verdict(), "nothing can be said: no run has been compared yet");
        assert_eq!(
            report(10, 0).verdict(),
            "0 of 10 differ: too few to tell, it may still be up to 26 % with 95 % confidence"
        );
        assert_eq!(report(41_200, 0).verdict(), "0 of 41,200 differ: below 0.0073 % with 95 % confidence");
        assert_eq!(
            report(41_188, 12).verdict(),
            "12 of 41,200 differ: 0.029 %, at most 0.048 % with 95 % confidence; look at the mismatches before you switch"
        );
        assert_eq!(
            report(0, 5).verdict(),
            "5 of 5 differ: 100 %, at most 100 % with 95 % confidence; look at the mismatches before you switch"
        );
    }

    #[test]
    fn what_was_not_compared_and_noise_are_not_kept_quiet() {
        let mut report = report(900, 0);
        report.runs += 100;
        report.verdicts[Verdict::Late as usize] = 100;
        (report.noise_runs, report.noise_mismatches) = (50, 2);
        assert_eq!(
            report.verdict(),
            "0 of 900 differ: below 0.34 % with 95 % confidence; 100 of 1,000 runs (10 %) were not compared: 100 late, and may \
             hide what differs; noise: 2 of 50 differ when legacy is compared with itself"
        );
    }

    #[test]
    fn a_slower_new_function_is_told() {
        let mut report = report(1000, 0);
        for _ in 0..1000 {
            report.legacy.latencies.record(Duration::from_millis(1));
            report.body.latencies.record(Duration::from_millis(4));
        }
        let told = "at the 99th percentile legacy takes 1.0ms, the body 4.0ms";
        assert!(report.verdict().ends_with(told), "{}", report.verdict());
    }

    #[test]
    fn reports_of_processes_add_up() {
        let (mut one, mut two) = (report(5, 1), report(7, 2));
        one.kinds = vec![("values differ".to_owned(), 1)];
        two.kinds = vec![("errors differ".to_owned(), 1), ("values differ".to_owned(), 1)];
        one.processes = 1;
        two.processes = 1;
        one.add(two);
        assert_eq!((one.processes(), one.runs(), one.compared(), one.in_flight()), (2, 15, 15, 0));
        assert_eq!(one.kinds(), [("values differ".to_owned(), 2), ("errors differ".to_owned(), 1)]);
    }
}
