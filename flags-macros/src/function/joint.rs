//! Joints: which opaque return types of two sides can be made one, and how.
//!
//! `impl Trait` in return position is one type, and the two sides of a gated function have two. The runtime's `Either`
//! keeps the traits of std below for both; a future is awaited by a third one. A closure would have to be made one by
//! calling it, but its body would no longer be told the types of its parameters; a trait that we do not know cannot be
//! forwarded.

use quote::{ToTokens as _, quote};
use syn::{PathSegment, ReturnType, Type, TypeParamBound};

use super::model::JointKind;
use super::shape::{mentions_impl, ungrouped};

/// What `Either` has where both sides have it; the same list as in the runtime's `either.rs`.
const FORWARDED: [&str; 11] = [
    "Iterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "FusedIterator",
    "Debug",
    "Display",
    "Error",
    "AsRef",
    "Read",
    "BufRead",
    "Write",
];

/// What both kinds have where both sides have it.
const EVERYWHERE: [&str; 5] = ["Send", "Sync", "Unpin", "Sized", "UnwindSafe"];

/// The sentence about an `impl` that is not the whole type, of which there is no third one.
pub(super) fn nested_impl(output: &ReturnType) -> Option<String> {
    let ReturnType::Type(_, ty) = output else { return None };
    let is_nested = match ungrouped(ty) {
        Type::ImplTrait(opaque) => {
            opaque.bounds.iter().filter_map(trait_of).any(|segment| mentions_impl(segment.arguments.to_token_stream()))
        }
        other => mentions_impl(other.to_token_stream()),
    };
    is_nested.then(|| inside(ty))
}

/// How the opaque type of two sides is made one, or the sentence that says why it cannot be.
pub(super) fn joint_kind(output: &ReturnType) -> Result<JointKind, String> {
    let ReturnType::Type(_, ty) = output else { return Ok(JointKind::Either) };
    let Type::ImplTrait(opaque) = ungrouped(ty) else { return Ok(JointKind::Either) };
    let traits: Vec<&PathSegment> = opaque.bounds.iter().filter_map(trait_of).collect();
    let is_future = traits.iter().any(|segment| segment.ident == "Future");
    let kind = if is_future { JointKind::Future } else { JointKind::Either };
    let unknown = traits.iter().find(|segment| !is_kept(kind, &segment.ident.to_string()));
    unknown.map_or(Ok(kind), |segment| Err(not_kept(&segment.ident.to_string())))
}

/// The trait of a bound; none for a lifetime and for `use<..>`, which a third type keeps.
fn trait_of(bound: &TypeParamBound) -> Option<&PathSegment> {
    match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    }
}

fn is_kept(kind: JointKind, name: &str) -> bool {
    match kind {
        JointKind::Either => {
            FORWARDED.contains(&name) || EVERYWHERE.contains(&name) || ["Clone", "Copy"].contains(&name)
        }
        // An `async` block is not `Unpin`.
        JointKind::Future => name == "Future" || (name != "Unpin" && EVERYWHERE.contains(&name)),
    }
}

fn not_kept(name: &str) -> String {
    format!(
        "the two sides of a gated function have two types, and the one that is made of both has no `{name}`: return a \
         boxed or a named type, or read the flag in the body with `flag!`"
    )
}

fn inside(ty: &Type) -> String {
    let of = crate::text::as_written(quote!(#ty));
    format!(
        "`impl` inside of `{of}` is one type, and the two sides of a gated function are two: put a `Box<dyn ..>` or a \
         named type there, or read the flag in the body with `flag!`"
    )
}
