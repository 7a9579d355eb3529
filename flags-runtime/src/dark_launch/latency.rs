//! Latencies: how long a side took, as a histogram that can be added to another process's.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart: an hour.
const LONGEST: u64 = 3600 * 1_000_000_000;

/// Nanoseconds in buckets of less than 1 %.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    histogram: Histogram<u64>,
}

impl Latencies {
    pub(super) fn new() -> Self {
        // Refused are only bounds below 2 and more than 5 digits.
        let histogram = Histogram::new_with_max(LONGEST, 2).unwrap_or_else(|error| unreachable!("{error}"));
        Self { histogram }
    }

    pub(super) fn record(&mut self, duration: Duration) {
        self.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), 1);
    }

    pub(super) fn add(&mut self, nanoseconds: u64, times: u64) {
        self.histogram.saturating_record_n(nanoseconds.clamp(1, LONGEST), times);
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (nanoseconds, times) in other.buckets() {
            self.add(nanoseconds, times);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The time within which this share of the runs was over; none without runs.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        (!self.histogram.is_empty()).then(|| Duration::from_nanos(self.histogram.value_at_quantile(share)))
    }

    /// The buckets that hold something, each as a time in nanoseconds and how often.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_percent_and_add_up() {
        let (mut one, mut two) = (Latencies::new(), Latencies::new());
        for micros in 1..=1000 {
            if micros % 2 == 0 { &mut one } else { &mut two }.record(Duration::from_micros(micros));
        }
        one.add_all(&two);
        assert_eq!(one.count(), 1000);
        let median = one.quantile(0.5).unwrap_or_default().as_secs_f64() * 1e6;
        assert!((median / 500.0 - 1.0).abs() < 0.01, "{median}");
    }

    #[test]
    fn times_of_any_length_are_taken_and_none_is_no_quantile() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile(0.5), None);
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);
        assert_eq!(latencies.count(), 2);
        assert!(latencies.quantile(1.0).is_some_and(|longest| longest >= Duration::from_secs(3590)));
    }
}
