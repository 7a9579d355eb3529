//! Contexts, ours as LaunchDarkly's.

use launchdarkly_server_sdk::{AttributeValue as Theirs, Context, ContextBuilder};

use crate::context::{AttributeValue, EvaluationContext};
use crate::details::ErrorCode;
use crate::provider::ResolutionError;

/// The key of whoever is not known, in a context that LaunchDarkly does not index.
const NOBODY: &str = "anonymous";

/// The context as LaunchDarkly's SDK takes it.
pub(super) fn theirs(ctx: &EvaluationContext) -> Result<Context, ResolutionError> {
    let key = ctx.targeting_key();
    let mut builder = ContextBuilder::new(if key.is_empty() { NOBODY } else { key });
    builder.anonymous(key.is_empty());
    if let Some(kind) = ctx.targeting_kind() {
        builder.kind(kind);
    }
    if !ctx.all_groups().is_empty() {
        let groups = ctx.all_groups().iter().map(|group| Theirs::String(group.clone()));
        builder.set_value("groups", Theirs::Array(groups.collect()));
    }
    for (name, value) in ctx.attributes() {
        // These would replace what the context is.
        if !matches!(name.as_str(), "key" | "kind") {
            builder.set_value(name, attribute(value));
        }
    }
    builder.build().map_err(|why| {
        ResolutionError::new(ErrorCode::InvalidContext, format!("LaunchDarkly does not take the context: {why}"))
    })
}

fn attribute(value: &AttributeValue) -> Theirs {
    match value {
        AttributeValue::Bool(value) => Theirs::Bool(*value),
        #[allow(clippy::cast_precision_loss, reason = "numbers are f64 there")]
        AttributeValue::Integer(value) => Theirs::Number(*value as f64),
        AttributeValue::Float(value) => Theirs::Number(*value),
        AttributeValue::String(value) => Theirs::String(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use launchdarkly_server_sdk::Reference;

    fn json(ctx: &EvaluationContext) -> serde_json::Value {
        serde_json::to_value(theirs(ctx).unwrap()).unwrap()
    }

    #[test]
    fn key_kind_groups_and_attributes_are_carried_over() {
        let ctx =
            EvaluationContext::new("ada").group("beta").group("staff").attribute("plan", "pro").attribute("age", 36);
        assert_eq!(
            json(&ctx.clone().kind("device").attribute("ratio", 0.5).attribute("is_new", true)),
            serde_json::json!({
                "kind": "device", "key": "ada", "groups": ["beta", "staff"],
                "plan": "pro", "age": 36.0, "ratio": 0.5, "is_new": true,
            })
        );
        assert_eq!(json(&ctx)["kind"], "user");
    }

    #[test]
    fn nobody_is_anonymous_and_attributes_replace_neither_key_nor_kind() {
        let nobody = theirs(&EvaluationContext::anonymous()).unwrap();
        assert_eq!(nobody.key(), "anonymous");
        assert_eq!(nobody.get_value(&Reference::new("anonymous")), Some(Theirs::Bool(true)));
        let ctx = EvaluationContext::new("ada").attribute("key", "eve").attribute("kind", "admin");
        assert_eq!(json(&ctx), serde_json::json!({ "kind": "user", "key": "ada" }));
    }

    #[test]
    fn a_kind_that_is_none_is_an_invalid_context() {
        let error = theirs(&EvaluationContext::new("ada").kind("no kind")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidContext);
        assert!(error.to_string().starts_with("LaunchDarkly does not take the context: "), "{error}");
    }
}
