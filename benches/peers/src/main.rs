//! The same reads by this library and by other feature-flag libraries, in one run: `cargo run --release --manifest-path
//! benches/peers/Cargo.toml` takes a minute; `-- --write` writes the table of the README.
//!
//! Every library decides in this process, from rules that it holds in memory: what is measured is what a service pays for each read,
//! behind the first one and without any network. Where a library leaves a choice, it is the quicker one. Counting allocations costs
//! a read that allocates up to a fifth of its time, so the same program counts them, built with the feature `allocations`.
//!
//! Not among them, and why:
//!
//! - `unleash-api-client`: wants another version of the types that `unleash-yggdrasil` is built on
//! - `growthbook-rust-sdk`: gets its features from a server only
//! - `flagsmith-flag-engine`: evaluates all flags of an environment at once, has no read of one

mod configcat;
mod eppo;
mod feature_flag;
mod growthbook;
mod launchdarkly;
mod openfeature;
mod ours;
mod peers;
mod posthog;
mod statsig;
mod unleash;
mod users;

use std::time::Duration;

use bench_harness::Settings;
use peers::Peers;

fn main() {
    let settings = Settings::from_args(Duration::from_mins(1));
    users::take_first_seat();
    let mut peers = Peers::default();
    let _guard = ours::add(&mut peers);
    unleash::add(&mut peers);
    launchdarkly::add(&mut peers);
    openfeature::add(&mut peers);
    feature_flag::add(&mut peers);
    eppo::add(&mut peers);
    growthbook::add(&mut peers);
    configcat::add(&mut peers);
    posthog::add(&mut peers);
    statsig::add(&mut peers);
    if cfg!(feature = "allocations") {
        peers.print_allocations();
    } else {
        peers.measure(&settings).publish("README.md", "peers", &settings);
    }
}
