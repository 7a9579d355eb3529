//! What macro expansions name. Not for users, and no part of the version promise.
//!
//! Expansions are the same for every feature set: features choose what is in here.

pub use std::boxed::Box;
pub use std::string::String;

pub use inventory;

pub use crate::dark_launch::expanded::{dealt, never_like};
pub use crate::dark_launch::{Decided, Experiment, probe};
pub use crate::either::{Either, run_body};
pub use crate::flag::FlagItem;
pub use crate::registry::declaration::{Declaration, Metadata, Place, Registration};
pub use crate::registry::records::{
    FlagText, Site, env_or_empty, flag_record, flag_record_len, site_record, site_record_len,
};
pub use crate::types::{DefaultValue, FlagValue, PublicValue, Scalar, decode_variant};
pub use crate::value::{ConstDefault, DefaultText, Shape, TextValue};

use crate::context::EvaluationContext;
use crate::dark_launch::{LaunchValue, ShadowValue, StagesValue};
use crate::details::EvaluationDetails;
use crate::evaluate::Explanation;
use crate::flag::Flag;

/// `!`, by the name that stable Rust has for it.
pub type Never = <fn() -> ! as Returning>::Output;

/// A function, for what it returns.
pub trait Returning {
    type Output;
}

impl<T> Returning for fn() -> T {
    type Output = T;
}

/// What a function that never returns does not return; one that does return is of another type.
pub fn never(never: Never) -> Never {
    never
}

/// What the flag of `shadow` has decided.
#[inline]
pub fn decided_of_shadow<'a, T: ShadowValue>(
    flag: &'static Flag<T>,
    ctx: Option<&'a EvaluationContext>,
) -> Decided<'a> {
    Decided::new(flag, ctx)
}

/// What the flag of `stages` has decided.
#[inline]
pub fn decided_of_stages<'a, T: StagesValue>(
    flag: &'static Flag<T>,
    ctx: Option<&'a EvaluationContext>,
) -> Decided<'a> {
    Decided::new(flag, ctx)
}

/// What the flag of `dark_launch!` has decided.
#[inline]
pub fn decided<'a, T: LaunchValue>(flag: &'static Flag<T>, ctx: Option<&'a EvaluationContext>) -> Decided<'a> {
    Decided::new(flag, ctx)
}

/// What tells the type of an `async` block, behind an `if false`.
pub fn never_called<T>() -> T {
    unreachable!("it stands behind an `if false`")
}

/// The declaration of a flag, for a call site's record.
pub const fn declaration<T: FlagValue>(flag: &'static Flag<T>) -> &'static Declaration {
    flag.declaration()
}

/// `flag!(X)`; the name is what rustc says where it stands in a constant.
#[inline]
pub fn read_at_run_time<T: FlagValue>(flag: &'static Flag<T>) -> T::Ref {
    flag.get()
}

/// `flag!(X, ctx)`
#[inline]
pub fn read_at_run_time_for<T: FlagValue>(flag: &'static Flag<T>, ctx: &EvaluationContext) -> T::Ref {
    flag.get_for(ctx)
}

/// `flag!(X, details)`
pub fn details<T: FlagValue>(flag: &'static Flag<T>) -> EvaluationDetails<T::Ref> {
    flag.details()
}

/// `flag!(X, ctx, details)`
pub fn details_for<T: FlagValue>(flag: &'static Flag<T>, ctx: &EvaluationContext) -> EvaluationDetails<T::Ref> {
    flag.details_for(ctx)
}

/// `flag!(X, explain)`
pub fn explain<T: FlagValue>(flag: &'static Flag<T>) -> Explanation<T::Ref> {
    flag.explain()
}

/// `flag!(X, ctx, explain)`
pub fn explain_for<T: FlagValue>(flag: &'static Flag<T>, ctx: &EvaluationContext) -> Explanation<T::Ref> {
    flag.explain_for(ctx)
}

/// `flag!(X, exposed)`
pub fn exposed<T: FlagValue>(flag: &'static Flag<T>) -> T::Ref {
    flag.exposed()
}

/// `flag!(X, ctx, exposed)`
pub fn exposed_for<T: FlagValue>(flag: &'static Flag<T>, ctx: &EvaluationContext) -> T::Ref {
    flag.exposed_for(ctx)
}

/// The answer of a public flag as clients outside get it: the value as JSON, or why it cannot be written.
pub fn public_answer<T: PublicValue>(
    flag: &'static Flag<T>,
    ctx: Option<&EvaluationContext>,
) -> Result<EvaluationDetails<String>, String> {
    let details = match ctx {
        Some(ctx) => flag.details_for(ctx),
        None => flag.details(),
    };
    let json = T::to_json(&details.value)?;
    Ok(details.with_value(json))
}

/// Whether a test's matrix has every variant of a flag's enum; evaluated where it is compiled. `bare` words can be nothing but
/// variants; `paths` may end in one.
///
/// # Panics
///
/// If not, which is an error of the compiler there.
#[cfg(feature = "testing")]
pub const fn expect_variants<T: FlagValue>(_: &'static Flag<T>, bare: &[&str], paths: &[&str], is_open: bool) {
    let idents = T::SHAPE.idents;
    let mut at = 0;
    while at < bare.len() {
        assert!(
            has(idents, bare[at]),
            "the matrix names a variant that the enum of this flag does not have (a constant is written by a path, like \
             `self::MAX`)"
        );
        at += 1;
    }
    let mut at = 0;
    while at < idents.len() && !is_open {
        assert!(
            has(bare, idents[at]) || has(paths, idents[at]),
            "the matrix leaves out a variant of the enum of this flag: name it, or write `..` at the end of the list"
        );
        at += 1;
    }
}

#[cfg(feature = "testing")]
const fn has(texts: &[&str], wanted: &str) -> bool {
    let mut at = 0;
    while at < texts.len() {
        if is_same(texts[at].as_bytes(), wanted.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(feature = "testing")]
const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// The variant of a flag's enum that is called so; [`expect_variants`] has looked that there is one.
#[cfg(feature = "testing")]
pub fn variant<T: Scalar>(_: &'static Flag<T>, ident: &str) -> T {
    // Variants are numbered in the order of their declaration.
    let at = <T as Scalar>::SHAPE.idents.iter().position(|known| *known == ident);
    T::from_bits(at.map_or(0, |at| at as u64))
}

/// The stand-in for a flag whose declaration is in error, so that uses of it are no errors too.
pub const fn stand_in<T: FlagValue>() -> Flag<T> {
    static DECLARATION: Declaration = Declaration::new(Metadata::EMPTY, |_| Ok(None), || 0, &[]);
    Flag::__new(&DECLARATION, DefaultValue::made_by(|| unreachable!("a declaration in error does not compile")))
}
