//! The reads of flags with long lists of users, each time for another user.

use std::cell::Cell;
use std::collections::HashSet;

use bench_harness::Bench;
use flags_runtime::source::MemoryWriter;
use flags_runtime::{EvaluationContext, Flag, feature_flag, flag};
use rustc_hash::FxBuildHasher;

#[feature_flag(name = "bench_thousand", default = false, expires = "2099-01-01")]
static THOUSAND: Flag<bool>;
#[feature_flag(name = "bench_million", default = false, expires = "2099-01-01")]
static MILLION: Flag<bool>;

/// Users that take turns, spread over the list: of a long one, more than the caches near a core hold.
const ASKING: u32 = 1 << 16;

pub(crate) fn write(writer: &MemoryWriter) {
    for (key, length) in [("bench_thousand", 1000), ("bench_million", 1_000_000)] {
        let users: Vec<_> = (0..length).map(|n| format!("\"{}\"", user(n))).collect();
        let users = users.join(",");
        writer.set(key, format!(r#"{{"enabled":true,"rollout_percentage":0,"allowed_users":[{users}]}}"#));
    }
}

pub(crate) fn add(bench: &mut Bench<'_>) {
    let set = set_of(1000);
    bench.floor("a hash set of 1,000", &true, in_turn(1000, move |ctx| set.contains(ctx.targeting_key())));
    bench.case("in a list of 1,000 users", &true, in_turn(1000, |ctx| flag!(THOUSAND, ctx)));
    let set = set_of(1_000_000);
    bench.floor("a hash set of 1,000,000", &true, in_turn(ASKING, move |ctx| set.contains(ctx.targeting_key())));
    bench.case("in a list of 1,000,000 users", &true, in_turn(ASKING, |ctx| flag!(MILLION, ctx)));
}

fn set_of(length: u32) -> HashSet<Box<str>, FxBuildHasher> {
    (0..length).map(|n| user(n).into_boxed_str()).collect()
}

fn user(number: u32) -> String {
    format!("user-{number:07}")
}

/// Reads for one user of the list after the other, each far from the one before.
fn in_turn(users: u32, read: impl Fn(&EvaluationContext) -> bool + Sync) -> impl Fn() -> bool + Sync {
    thread_local! {
        static TURN: Cell<usize> = const { Cell::new(0) };
    }
    let length = if users == ASKING { 1_000_000 } else { users };
    let contexts: Vec<_> =
        (0..users).map(|n| EvaluationContext::new(user(n.wrapping_mul(2_654_435_761) % length))).collect();
    move || {
        let turn = TURN.get();
        TURN.set(turn + 1);
        read(&contexts[turn % contexts.len()])
    }
}
