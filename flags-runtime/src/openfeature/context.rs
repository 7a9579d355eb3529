//! The context: who asks, in our words.

use open_feature::{EvaluationContext as OpenContext, EvaluationContextFieldValue as Field};

use crate::context::EvaluationContext;

/// The context of ours that says the same.
pub(super) fn ours(ctx: &OpenContext) -> EvaluationContext {
    let mut ours = ctx.targeting_key.as_deref().map_or_else(EvaluationContext::anonymous, EvaluationContext::new);
    for (name, value) in &ctx.custom_fields {
        ours = match (name.as_str(), value) {
            ("kind", Field::String(kind)) => ours.kind(kind.clone()),
            ("groups", Field::String(groups)) => ours.groups(listed(groups)),
            ("groups", Field::Struct(groups)) => match groups.downcast_ref::<Vec<String>>() {
                Some(groups) => ours.groups(groups),
                None => ours,
            },
            (_, Field::Bool(value)) => ours.attribute(name, *value),
            (_, Field::Int(value)) => ours.attribute(name, *value),
            (_, Field::Float(value)) => ours.attribute(name, *value),
            (_, Field::String(value)) => ours.attribute(name, value.as_str()),
            (_, Field::DateTime(_)) => match value.as_date_time().map(|date| {
                let (offset_hours, offset_minutes, _) = date.offset().as_hms();
                let sign = if date.offset().is_negative() { '-' } else { '+' };
                format!(
                    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}{sign}{:02}:{:02}",
                    date.year(),
                    u8::from(date.month()),
                    date.day(),
                    date.hour(),
                    date.minute(),
                    date.second(),
                    date.nanosecond(),
                    offset_hours.unsigned_abs(),
                    offset_minutes.unsigned_abs(),
                )
            }) {
                Some(date) => ours.attribute(name, date),
                None => ours,
            },
            (_, Field::Struct(_)) => ours,
        };
    }
    ours
}

fn listed(groups: &str) -> impl Iterator<Item = &str> {
    groups.split(',').map(str::trim).filter(|group| !group.is_empty())
}
