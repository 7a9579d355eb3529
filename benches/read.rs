//! What a read costs, beside its floors. `cargo bench --bench read`.
//!
//! Each case checks the result that it times. A column of divan's table is one read.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Duration;

use divan::Bencher;
use flags_runtime::source::MemorySource;
use flags_runtime::{EvaluationContext, Flag, FlagValue, builder, feature_flag};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

#[feature_flag(name = "bench_on", default = false, expires = "2099-01-01")]
static ON: Flag<bool>;
#[feature_flag(name = "bench_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "bench_retries", default = 3, expires = "2099-01-01")]
static RETRIES: Flag<i64>;
#[feature_flag(name = "bench_half", default = false, expires = "2099-01-01")]
static HALF: Flag<bool>;
#[feature_flag(name = "bench_listed", default = false, expires = "2099-01-01")]
static LISTED: Flag<bool>;
#[feature_flag(name = "bench_title", default = "default", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "bench_untouched", default = "default", expires = "2099-01-01")]
static UNTOUCHED: Flag<String>;

#[feature_flag(name = "bench_forced", default = false, expires = "2099-01-01")]
static FORCED: Flag<bool>;

/// Reads in one measured step: a single one is below the clock's resolution.
const READS: u64 = 1000;

fn main() {
    let source = MemorySource::new();
    let writer = source.writer();
    let users: Vec<_> = (0..1000).map(|n| format!("\"user-{n}\"")).collect();
    writer.set("bench_on", r#"{"enabled":true}"#);
    writer.set("bench_pricing", r#"{"enabled":true,"value":"variant_b"}"#);
    writer.set("bench_retries", r#"{"enabled":true,"value":7}"#);
    writer.set("bench_half", r#"{"enabled":true,"rollout_percentage":50}"#);
    writer.set(
        "bench_listed",
        format!(r#"{{"enabled":true,"rollout_percentage":0,"allowed_users":[{}]}}"#, users.join(",")),
    );
    writer.set("bench_title", r#"{"enabled":true,"value":"from the document"}"#);
    let guard = builder().source(source).start().expect("nothing else started");
    guard.wait_ready(Duration::from_secs(5)).expect("memory answers");
    divan::main();
}

fn ctx() -> &'static EvaluationContext {
    static CTX: OnceLock<EvaluationContext> = OnceLock::new();
    CTX.get_or_init(|| EvaluationContext::new("user-500"))
}

fn reads(bencher: Bencher<'_, '_>, read: impl Fn() -> u64 + Sync) {
    let expected = read() * READS;
    bencher.counter(divan::counter::ItemsCount::new(READS)).bench(|| {
        let mut sum = 0;
        for _ in 0..READS {
            sum += black_box(read());
        }
        assert_eq!(sum, expected);
    });
}

mod settled {
    use std::sync::atomic::{AtomicU64, Ordering};

    use divan::Bencher;
    use flags_runtime::flag;

    use super::{ON, PRICING, Pricing, RETRIES, ctx, reads};

    static FLOOR: AtomicU64 = AtomicU64::new(1);

    #[divan::bench(name = "0 floor: relaxed load")]
    fn floor(bencher: Bencher<'_, '_>) {
        reads(bencher, || FLOOR.load(Ordering::Relaxed));
    }

    #[divan::bench(name = "1 bool")]
    fn bool(bencher: Bencher<'_, '_>) {
        assert!(flag!(ON));
        reads(bencher, || flag!(ON).into());
    }

    #[divan::bench(name = "2 bool with a context")]
    fn bool_for(bencher: Bencher<'_, '_>) {
        reads(bencher, || flag!(ON, ctx()).into());
    }

    #[divan::bench(name = "3 enum")]
    fn variant(bencher: Bencher<'_, '_>) {
        assert_eq!(flag!(PRICING), Pricing::VariantB);
        reads(bencher, || flag!(PRICING) as u64);
    }

    #[divan::bench(name = "4 integer")]
    fn integer(bencher: Bencher<'_, '_>) {
        assert_eq!(flag!(RETRIES), 7);
        reads(bencher, || flag!(RETRIES).unsigned_abs());
    }
}

mod decided {
    use std::hint::black_box;

    use divan::Bencher;
    use flags_runtime::{RequestScope, flag};
    use sha2::{Digest, Sha256};

    use super::{HALF, LISTED, ctx, reads};

    #[divan::bench(name = "0 floor: SHA-256 of one block")]
    fn floor(bencher: Bencher<'_, '_>) {
        reads(bencher, || {
            let digest = Sha256::digest(black_box(b"bench_half:user-500"));
            u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) < 0x8000_0000)
        });
    }

    #[divan::bench(name = "1 rollout of 50 %")]
    fn rollout(bencher: Bencher<'_, '_>) {
        reads(bencher, || flag!(HALF, ctx()).into());
    }

    #[divan::bench(name = "2 rollout of 50 %, ambient")]
    fn ambient(bencher: Bencher<'_, '_>) {
        ctx().scope(|| reads(bencher, || flag!(HALF).into()));
    }

    #[divan::bench(name = "2 rollout of 50 %, remembered within a request")]
    fn remembered(bencher: Bencher<'_, '_>) {
        RequestScope::new(ctx().clone()).scope(|| reads(bencher, || flag!(HALF).into()));
    }

    #[divan::bench(name = "3 list of 1,000 users")]
    fn list(bencher: Bencher<'_, '_>) {
        assert!(flag!(LISTED, ctx()));
        reads(bencher, || flag!(LISTED, ctx()).into());
    }
}

mod strings {
    use std::sync::OnceLock;

    use divan::Bencher;
    use flags_runtime::flag;

    use super::{TITLE, UNTOUCHED, reads};

    #[divan::bench(name = "0 floor: arc-swap guard")]
    fn floor(bencher: Bencher<'_, '_>) {
        static SWAPPED: OnceLock<arc_swap::ArcSwap<String>> = OnceLock::new();
        let swapped = SWAPPED.get_or_init(|| arc_swap::ArcSwap::from_pointee("from the document".to_owned()));
        reads(bencher, || swapped.load().len() as u64);
    }

    #[divan::bench(name = "1 from a document")]
    fn document(bencher: Bencher<'_, '_>) {
        assert_eq!(flag!(TITLE), "from the document");
        reads(bencher, || flag!(TITLE).len() as u64);
    }

    #[divan::bench(name = "2 the default")]
    fn default(bencher: Bencher<'_, '_>) {
        reads(bencher, || flag!(UNTOUCHED).len() as u64);
    }
}

/// What tests pay, and nobody else: the flag is slow while any scope forces it.
mod forced {
    use divan::Bencher;
    use flags_runtime::flag;

    use super::{FORCED, reads};

    #[divan::bench(name = "1 by a guard")]
    fn guard(bencher: Bencher<'_, '_>) {
        let guard = FORCED.force(true);
        reads(bencher, || u64::from(flag!(FORCED)));
        drop(guard);
    }

    #[divan::bench(name = "2 to force, read and take back")]
    fn cycle(bencher: Bencher<'_, '_>) {
        reads(bencher, || {
            let _on = FORCED.force(true);
            u64::from(flag!(FORCED))
        });
    }
}
