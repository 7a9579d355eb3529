//! The reads of flags of every type, settled and decided.

use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bench_harness::Bench;
use flags_runtime::{EvaluationContext, Flag, FlagValue, Json, RequestScope, feature_flag, flag};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{Documents, ctx};

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
    VariantB,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Limits {
    rows: u32,
}

const LIMITS_DEFAULT: Limits = Limits { rows: 10 };

#[feature_flag(name = "bench_on", default = false, expires = "2099-01-01")]
static ON: Flag<bool>;
#[feature_flag(name = "bench_off", default = true, expires = "2099-01-01")]
static OFF: Flag<bool>;
#[feature_flag(name = "bench_pricing", default = Pricing::Control, expires = "2099-01-01")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "bench_retries", default = 3, expires = "2099-01-01")]
static RETRIES: Flag<i64>;
#[feature_flag(name = "bench_half", default = false, expires = "2099-01-01")]
static HALF: Flag<bool>;
#[feature_flag(name = "bench_half_pricing", default = Pricing::Control, expires = "2099-01-01")]
static HALF_PRICING: Flag<Pricing>;
#[feature_flag(name = "bench_title", default = "default", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "bench_limits", default = LIMITS_DEFAULT, expires = "2099-01-01")]
static LIMITS: Flag<Json<Limits>>;
#[feature_flag(name = "bench_untouched", default = "default", expires = "2099-01-01")]
static UNTOUCHED: Flag<String>;

pub(crate) const DOCUMENTS: Documents = &[
    ("bench_on", r#"{"enabled":true}"#),
    ("bench_off", r#"{"enabled":false}"#),
    ("bench_pricing", r#"{"enabled":true,"value":"variant_b"}"#),
    ("bench_retries", r#"{"enabled":true,"value":7}"#),
    ("bench_half", r#"{"enabled":true,"rollout_percentage":50}"#),
    ("bench_half_pricing", r#"{"enabled":true,"rollout_percentage":50,"value":"variant_b"}"#),
    ("bench_title", r#"{"enabled":true,"value":"from the document"}"#),
    ("bench_limits", r#"{"enabled":true,"value":{"rows":200}}"#),
];

pub(crate) fn add(bench: &mut Bench<'_>) {
    settled(bench);
    decided(bench);
    shared(bench);
}

/// The same for everybody.
fn settled(bench: &mut Bench<'_>) {
    static FLOOR: AtomicU64 = AtomicU64::new(1);
    bench.floor("a relaxed load", &1, || FLOOR.load(Ordering::Relaxed));
    bench.case("bool, on", &true, || flag!(ON));
    bench.case("bool, off", &false, || flag!(OFF));
    let ctx = EvaluationContext::new("user-500");
    bench.case("bool, on, for a context", &true, move || flag!(ON, &ctx));
    bench.case("enum", &Pricing::VariantB, || flag!(PRICING));
    bench.case("integer", &7, || flag!(RETRIES));
}

/// By who asks.
fn decided(bench: &mut Bench<'_>) {
    let expected = hashed("bench_half:user-500");
    bench.floor("SHA-256 of one block", &expected, || hashed(std::hint::black_box("bench_half:user-500")));
    bench.case("bool at 50 %", &expected, || flag!(HALF, ctx()));
    let variant = if hashed("bench_half_pricing:user-500") { Pricing::VariantB } else { Pricing::Control };
    bench.case("enum at 50 %", &variant, || flag!(HALF_PRICING, ctx()));
    let ambient = |run: &mut dyn FnMut()| ctx().scope(run);
    bench.case_within("bool at 50 %, of the ambient context", &expected, ambient, || flag!(HALF));
    bench.case_within("bool at 50 %, remembered in a request", &expected, in_a_request, || flag!(HALF));
    bench.case_within("enum at 50 %, remembered in a request", &variant, in_a_request, || flag!(HALF_PRICING));
    bench.case("bool at 50 %, details", &expected, || flag!(HALF, ctx(), details).value);
    bench.case("bool at 50 %, explain", &expected, || flag!(HALF, ctx(), explain).details.value);
}

/// Whether the first 32 bits of a hash are below half of what they can be.
#[inline(never)]
fn hashed(text: &str) -> bool {
    u32::from_be_bytes(*Sha256::digest(text).first_chunk().expect("32 bytes")) < 1 << 31
}

fn in_a_request(run: &mut dyn FnMut()) {
    RequestScope::new(EvaluationContext::clone(ctx())).scope(run);
}

/// Strings and JSON, borrowed from where they are.
fn shared(bench: &mut Bench<'_>) {
    let swapped = ArcSwap::from_pointee("from the document".to_owned());
    bench.floor("an arc-swap guard", &17, move || swapped.load().len());
    bench.case("string of a document", &17, || flag!(TITLE).len());
    bench.case("JSON of a document", &200, || flag!(LIMITS).rows);
    bench.case("string at its default", &7, || flag!(UNTOUCHED).len());
}
