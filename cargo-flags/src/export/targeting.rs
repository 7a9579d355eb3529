//! Targeting: the decision of a document in flagd's `JSONLogic`.
//!
//! Lists, 0 % and 100 % are said exactly. A percentage between them becomes `fractional`, which hashes otherwise than we do: as many
//! users are in, but other ones. flagd knows a user's groups by a list `groups` in the evaluation context.

use flags_runtime::rules::Document;
use serde_json::{Value, json};

/// A decision: the rule, and what holds where it gives nothing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decision {
    pub(super) rule: Option<Value>,
    /// A variant; none is the default of whoever asks.
    pub(super) otherwise: Option<String>,
    /// The share of users that are on, if the rule draws them.
    pub(super) weights: Option<Weights>,
    /// Lists or a percentage that say nothing while the document is disabled, and are not written.
    pub(super) is_without_rules: bool,
}

/// A percentage as whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weights {
    on: u64,
    off: u64,
    pub(super) is_exact: bool,
}

/// The decision of a document between two variants; none is the default of whoever asks.
pub(super) fn decision(document: &Document<'_>, on: Option<&str>, off: Option<&str>) -> Decision {
    let settled = |variant: Option<&str>| Decision { otherwise: variant.map(str::to_owned), ..Decision::default() };
    let has_lists = !document.allowed_users.is_empty() || !document.allowed_groups.is_empty();
    if !document.enabled {
        let is_without_rules = has_lists || (document.rollout_percentage > 0.0 && document.rollout_percentage < 100.0);
        return Decision { is_without_rules, ..settled(off) };
    }
    if document.rollout_percentage >= 100.0 || on == off {
        return settled(on);
    }
    // On for some is something of its own: where it were the default of whoever asks, so would be off.
    let Some(on) = on else { return settled(off) };
    let mut branches = Vec::new();
    if !document.allowed_users.is_empty() {
        branches.extend([is_user(document), json!(on)]);
    }
    if !document.allowed_groups.is_empty() {
        branches.extend([is_in_group(document), json!(on)]);
    }
    let weights = (document.rollout_percentage > 0.0).then(|| Weights::of(document.rollout_percentage));
    match (&weights, off) {
        (None, off) => branches.push(json!(off)),
        (Some(weights), Some(off)) => branches.push(weights.drawn(on, off)),
        // Each arm of `fractional` is the key of a variant, which the default of whoever asks has not.
        (Some(weights), None) => {
            let drawn = weights.drawn(on, &format!("not {on}"));
            branches.extend([json!({"==": [drawn, on]}), json!(on), Value::Null]);
        }
    }
    let rule = match (&*branches, has_lists) {
        ([_], false) if weights.is_none() => None,
        ([only], _) => Some(only.clone()),
        _ => Some(json!({"if": branches})),
    };
    Decision { rule, weights, ..settled(off) }
}

fn is_user(document: &Document<'_>) -> Value {
    // Here nobody is the empty user; there the key is missing.
    let key = if document.allowed_users.iter().any(|user| user.is_empty()) {
        json!(["targetingKey", ""])
    } else {
        json!("targetingKey")
    };
    json!({"in": [{"var": key}, document.allowed_users]})
}

fn is_in_group(document: &Document<'_>) -> Value {
    json!({"some": [{"var": "groups"}, {"in": [{"var": ""}, document.allowed_groups]}]})
}

impl Weights {
    /// The decimals that fit: flagd takes weights up to a sum of 2,147,483,647.
    const DECIMALS: usize = 7;

    /// The weights of a percentage above 0 and below 100.
    fn of(percentage: f64) -> Self {
        let decimals = |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let written = percentage.to_string();
        let is_exact = decimals(&written) <= Self::DECIMALS;
        let written = if is_exact { written } else { format!("{percentage:.0$}", Self::DECIMALS) };
        let all = (0..decimals(&written)).fold(100, |all, _| all * 10);
        // At most ten digits.
        let on = written.replace('.', "").parse().unwrap_or(all).min(all);
        Self { on, off: all - on, is_exact }
    }

    fn drawn(self, on: &str, off: &str) -> Value {
        json!({"fractional": [[on, self.on], [off, self.off]]})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn said(document: &str, on: Option<&str>, off: Option<&str>) -> Decision {
        decision(&Document::parse(document.as_bytes()).unwrap(), on, off)
    }

    #[test]
    fn a_percentage_becomes_the_smallest_whole_numbers_of_its_decimals() {
        let weights = |percentage: f64| {
            let Weights { on, off, is_exact } = Weights::of(percentage);
            (on, off, is_exact)
        };
        assert_eq!(weights(10.0), (10, 90, true));
        assert_eq!(weights(12.5), (125, 875, true));
        assert_eq!(weights(0.05), (5, 9_995, true));
        assert_eq!(weights(0.000_000_1), (1, 999_999_999, true));
        assert_eq!(weights(33.333_333_333_333_336), (333_333_333, 666_666_667, false));
        assert_eq!(weights(1e-9), (0, 1_000_000_000, false));
        assert_eq!(weights(99.999_999_99), (1_000_000_000, 0, false));
        let Weights { on, off, .. } = Weights::of(50.123_456_7);
        assert!(on + off <= 2_147_483_647);
    }

    #[test]
    fn where_off_is_the_default_of_whoever_asks_no_variant_is_named_for_it() {
        let half = said(r#"{"enabled":true,"rollout_percentage":50}"#, Some("value"), None);
        let drawn = json!({"fractional": [["value", 50], ["not value", 50]]});
        assert_eq!(half.rule, Some(json!({"if": [{"==": [drawn, "value"]}, "value", null]})));
        assert_eq!(half.otherwise, None);
        let listed = said(r#"{"enabled":true,"rollout_percentage":0,"allowed_users":["u"]}"#, Some("value"), None);
        assert_eq!(listed.rule, Some(json!({"if": [{"in": [{"var": "targetingKey"}, ["u"]]}, "value", null]})));
    }

    #[test]
    fn nothing_is_drawn_where_both_sides_are_the_same_or_everybody_is_on_one() {
        for (document, on, off, otherwise) in [
            (r#"{"enabled":true,"rollout_percentage":50}"#, Some("x"), Some("x"), Some("x")),
            (r#"{"enabled":true,"rollout_percentage":50}"#, None, None, None),
            (r#"{"enabled":true}"#, Some("on"), Some("off"), Some("on")),
            (r#"{"enabled":true,"rollout_percentage":1e300}"#, Some("on"), Some("off"), Some("on")),
            (r#"{"enabled":true,"rollout_percentage":-5}"#, Some("on"), Some("off"), Some("off")),
            (r#"{"enabled":false,"allowed_users":["u"]}"#, Some("on"), Some("off"), Some("off")),
        ] {
            let decision = said(document, on, off);
            assert_eq!((decision.rule, decision.otherwise.as_deref()), (None, otherwise), "{document}");
        }
    }
}
