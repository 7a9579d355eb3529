//! Stages: how far a new function has come to replace the legacy one.

use crate::types::FlagValue;

/// How far a new function has come to replace the legacy one: the type of the flag of `stages = legacy_function`.
///
/// In documents `"off"`, `"shadow"`, `"live"` and `"on"`.
///
/// ```
/// use flags_runtime::dark_launch::Stage;
/// use flags_runtime::{Flag, feature_flag, flag};
///
/// #[feature_flag(name = "stage_example", default = Stage::Off, expires = "2099-03-01")]
/// static STAGE_EXAMPLE: Flag<Stage>;
///
/// # fn main() {
/// assert_eq!(flag!(STAGE_EXAMPLE), Stage::Off);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, flags_macros::FlagValue)]
#[flag_value(crate = crate)]
#[allow(clippy::exhaustive_enums, reason = "a match over the stages of a migration is to be exhaustive")]
pub enum Stage {
    /// The legacy function alone.
    Off,
    /// The legacy function answers, and the new one is tried.
    Shadow,
    /// The new function answers, and the legacy one is tried.
    Live,
    /// The new function alone.
    On,
}

/// A type whose flags can decide a dark launch: `bool` (off, or shadow) and [`Stage`]. Sealed: there are no others.
#[diagnostic::on_unimplemented(
    message = "a `Flag<{Self}>` cannot decide a dark launch",
    label = "neither a `Flag<bool>` nor a `Flag<Stage>`",
    note = "it takes a `Flag<bool>` (off, or shadow) or a `Flag<flags_runtime::dark_launch::Stage>`"
)]
pub trait LaunchValue: FlagValue {
    #[doc(hidden)]
    fn stage(value: Self::Ref) -> Stage;
}

/// The flag of `shadow`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`shadow` takes a `Flag<bool>`, and this is a `Flag<{Self}>`",
    label = "not a `Flag<bool>`",
    note = "with a `Flag<Stage>` write `stages = ..` instead of `shadow = ..`"
)]
pub trait ShadowValue: LaunchValue {}

/// The flag of `stages`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`stages` takes a `Flag<flags_runtime::dark_launch::Stage>`, and this is a `Flag<{Self}>`",
    label = "not a `Flag<Stage>`",
    note = "with a `Flag<bool>` write `shadow = ..` instead of `stages = ..`"
)]
pub trait StagesValue: LaunchValue {}

impl ShadowValue for bool {}
impl StagesValue for Stage {}

impl LaunchValue for bool {
    #[inline]
    fn stage(is_on: bool) -> Stage {
        if is_on { Stage::Shadow } else { Stage::Off }
    }
}

impl LaunchValue for Stage {
    #[inline]
    fn stage(stage: Stage) -> Stage {
        stage
    }
}
