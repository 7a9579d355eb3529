//! Gauges: the numbers of a status that operators watch.

use crate::status::{SourceState, SourceStatus, Status};

/// One number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gauge {
    pub(super) what: What,
    /// `source` or `override_file`; none where it is about both.
    pub(super) origin: Option<&'static str>,
    pub(super) value: f64,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Seconds since the last sign of life.
    DataAge,
    /// 1 while contact is good, else 0.
    Connected,
    /// Documents that are refused now.
    RefusedDocuments,
    /// Flags that answer their declared default, since the source has been away for too long.
    Outages,
}

impl What {
    pub(super) const ALL: [Self; 4] = [Self::DataAge, Self::Connected, Self::RefusedDocuments, Self::Outages];

    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::DataAge => "seconds since the last sign of life of the source of feature flags",
            Self::Connected => "whether the source of feature flags answers",
            Self::RefusedDocuments => "feature flags whose document is refused; they stay at their last good state",
            Self::Outages => "feature flags that answer their declared default, the source being away for too long",
        }
    }
}

/// All numbers of a status.
pub(super) fn of(status: &Status) -> Vec<Gauge> {
    #[allow(clippy::cast_precision_loss, reason = "numbers of flags")]
    let count = |what, count: usize| Gauge { what, origin: None, value: count as f64 };
    let mut gauges =
        vec![count(What::RefusedDocuments, status.refused.len()), count(What::Outages, status.outage.len())];
    for (origin, source) in [("source", &status.source), ("override_file", &status.override_file)] {
        let Some(SourceStatus { state, age, .. }) = source else { continue };
        let gauge = |what, value| Gauge { what, origin: Some(origin), value };
        gauges.push(gauge(What::Connected, f64::from(u8::from(*state == SourceState::Live))));
        gauges.extend(age.map(|age| gauge(What::DataAge, age.as_secs_f64())));
    }
    gauges
}
