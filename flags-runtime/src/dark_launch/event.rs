//! Events: mismatches as `tracing` tells of them, one a second of each flag at most.

use super::result::ShadowResult;

/// Tells of a mismatch, without anything of the values unless they were cleaned.
#[cfg(feature = "tracing")]
pub(super) fn tell(result: &ShadowResult) {
    use super::record;
    use super::result::{Ended, Observation};
    use super::side::judging;

    let Some(suppressed) = record::known(result.flag()).and_then(|record| record.may_tell()) else { return };
    let told = judging(|| {
        let text = |side: &Observation| {
            let is_clean = result.is_clean() && side.ended != Some(Ended::Panicked);
            side.text.clone().filter(|_| is_clean)
        };
        tracing::warn!(
            target: "flags_runtime::dark_launch",
            flag = result.flag(),
            kind = result.kind(),
            targeting_key = result.targeting_key(),
            legacy = text(result.legacy()),
            body = text(result.body()),
            suppressed,
            "the two sides of a dark launch differ"
        );
    });
    if let Err(panic) = told {
        record::note_fault(result.flag(), "tracing", panic.message());
    }
}

#[cfg(not(feature = "tracing"))]
pub(super) fn tell(_: &ShadowResult) {}
