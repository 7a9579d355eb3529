//! Answers, LaunchDarkly's as ours.

use launchdarkly_server_sdk::{Detail, EvalError, FlagValue, Reason as Theirs};

use crate::details::{ErrorCode, Reason};
use crate::provider::{Resolution, ResolutionError, Value};

/// What an evaluation of the SDK means; `is_percentage` says whether a fallthrough of the flag draws lots.
pub(super) fn resolution(
    detail: &Detail<FlagValue>,
    is_percentage: impl FnOnce() -> bool,
) -> Result<Resolution, ResolutionError> {
    let Detail { value, variation_index, reason } = detail;
    if let Theirs::Error { error } = reason {
        let (code, message) = match error {
            EvalError::FlagNotFound => (ErrorCode::FlagNotFound, "LaunchDarkly does not know the flag"),
            EvalError::ClientNotReady => (ErrorCode::ProviderNotReady, "LaunchDarkly has not sent its flags yet"),
            EvalError::MalformedFlag => {
                (ErrorCode::ParseError, "LaunchDarkly's flag contradicts itself (MALFORMED_FLAG)")
            }
            EvalError::WrongType => (ErrorCode::TypeMismatch, "LaunchDarkly's flag is of another type"),
            EvalError::Exception => (ErrorCode::General, "LaunchDarkly's SDK has failed (EXCEPTION)"),
        };
        return Err(ResolutionError::new(code, message));
    }
    let resolution = match (value, variation_index) {
        (Some(value), Some(index)) => varied(value, *index),
        // It is off, without a variation for that: the application's default is meant.
        _ => Resolution::declared_default(),
    };
    Ok(because(resolution, reason, is_percentage))
}

/// A variation.
pub(super) fn varied(value: &FlagValue, index: isize) -> Resolution {
    let value = match value {
        FlagValue::Bool(value) => Value::Bool(*value),
        FlagValue::Str(value) => Value::String(value.clone()),
        FlagValue::Number(value) => Value::Float(*value),
        FlagValue::Json(value) => Value::Json(value.to_string()),
    };
    #[allow(clippy::cast_possible_wrap, reason = "isize is at most 64 bits")]
    Resolution::new(value).variant(index.to_string()).metadata("variationIndex", index as i64)
}

/// The same with LaunchDarkly's reason.
pub(super) fn because(resolution: Resolution, reason: &Theirs, is_percentage: impl FnOnce() -> bool) -> Resolution {
    let drawn = |in_experiment: &bool, other| if *in_experiment { Reason::Split } else { other };
    match reason {
        Theirs::Off => resolution.reason(Reason::Disabled).metadata("kind", "OFF"),
        Theirs::PrerequisiteFailed { prerequisite_key } => resolution
            .reason(Reason::Disabled)
            .metadata("kind", "PREREQUISITE_FAILED")
            .metadata("prerequisiteKey", prerequisite_key.as_str()),
        Theirs::TargetMatch => resolution.reason(Reason::TargetingMatch).metadata("kind", "TARGET_MATCH"),
        Theirs::RuleMatch { rule_index, rule_id, in_experiment } => {
            let resolution = resolution
                .reason(drawn(in_experiment, Reason::TargetingMatch))
                .metadata("kind", "RULE_MATCH")
                .metadata("ruleIndex", i64::try_from(*rule_index).unwrap_or(i64::MAX))
                .metadata("ruleId", rule_id.as_str());
            in_experiment_or_not(resolution, *in_experiment)
        }
        Theirs::Fallthrough { in_experiment } => {
            let other = if is_percentage() { Reason::Split } else { Reason::Default };
            let resolution = resolution.reason(drawn(in_experiment, other)).metadata("kind", "FALLTHROUGH");
            in_experiment_or_not(resolution, *in_experiment)
        }
        // Told as an error before.
        Theirs::Error { .. } => resolution.reason(Reason::Error),
    }
}

fn in_experiment_or_not(resolution: Resolution, is_in_experiment: bool) -> Resolution {
    if is_in_experiment { resolution.metadata("inExperiment", true) } else { resolution }
}
