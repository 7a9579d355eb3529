//! What tests pay, and nobody else: a flag is slow while any scope forces it.

use bench_harness::{Bench, Settings};
use flags_runtime::{Flag, feature_flag, flag};

#[feature_flag(name = "bench_forced", default = false, expires = "2099-01-01")]
static FORCED: Flag<bool>;
#[feature_flag(name = "bench_unforced", default = false, expires = "2099-01-01")]
static UNFORCED: Flag<bool>;
#[feature_flag(name = "bench_cycled", default = false, expires = "2099-01-01")]
static CYCLED: Flag<bool>;

pub(crate) fn run(settings: &Settings) {
    let mut bench = Bench::new();
    bench.floor("a settled read", &false, || flag!(UNFORCED));
    bench.case_within(
        "forced",
        &true,
        |run| {
            let _on = FORCED.force(true);
            run()
        },
        || flag!(FORCED),
    );
    bench.case("to force, read and take back", &true, || {
        let _on = CYCLED.force(true);
        flag!(CYCLED)
    });
    bench.run("in a test", settings).publish(crate::FILE, "forced", settings);
}
