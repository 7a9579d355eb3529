//! The crate `feature-flag`: a set of flags in memory, whose variants are names.

use ::feature_flag::{FlagEvaluator, FlagSet, Subject};
use serde_json::json;

use crate::peers::{self, Peers};
use crate::users;

pub(crate) fn add(peers: &mut Peers) {
    let rollout = json!({ "kind": "rollout", "variants": [
        { "variant": "on", "weight": 50 }, { "variant": "off", "weight": 50 },
    ]});
    let is_listed = json!({ "kind": "compare", "attr": "id", "op": "in", "value": users::listed() });
    let flags = json!({ "flags": [
        { "id": peers::ON, "variants": ["on", "off"], "default_variant": "on" },
        { "id": peers::HALF, "variants": ["on", "off"], "default_variant": "off", "rules": [
            { "id": "half", "when": { "kind": "always" }, "outcome": rollout },
        ]},
        { "id": peers::LIST, "variants": ["on", "off"], "default_variant": "off", "rules": [
            { "id": "listed", "when": is_listed, "outcome": { "kind": "variant", "variant": "on" } },
        ]},
        { "id": peers::TEXT, "variants": [peers::SAID], "default_variant": peers::SAID },
    ]});
    let flags = FlagSet::from_json(&flags.to_string()).expect("flags as its documentation has them");
    let evaluator: &FlagEvaluator = Box::leak(Box::new(FlagEvaluator::new(flags)));
    peers
        .library("feature-flag", "feature-flag", |name| Subject::new(name).with_attr("id", name))
        .on(|user| evaluator.variant_or(peers::ON, user, "off") == "on")
        .half(|user| evaluator.variant_or(peers::HALF, user, "off") == "on")
        .list(|user| evaluator.variant_or(peers::LIST, user, "off") == "on")
        .text(|user| evaluator.variant_or(peers::TEXT, user, ""));
}
