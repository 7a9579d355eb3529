//! What a gated function expands from: only what is known to be right.

use proc_macro2::{Group, TokenStream};
use syn::{ExprPath, Path};

use super::launch::Launch;
use super::parameters::Parameter;
use super::parse::Block;
use crate::arguments::Written;
use crate::declaration::Declaration;

/// The question in front of a body and what follows from its answer.
pub(super) struct Gate {
    /// The path of the runtime.
    pub(super) runtime: TokenStream,
    pub(super) flag: GatingFlag,
    pub(super) context: Option<Written>,
    /// Who answers when the flag is off; nobody where nothing is returned.
    pub(super) off: Option<ExprPath>,
    /// Whether the other side, and this one, is tried meanwhile.
    pub(super) launch: Option<Launch>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) call: Call,
    pub(super) place: Place,
}

/// The flag that is asked.
pub(super) enum GatingFlag {
    /// Declared elsewhere.
    Named(Path),
    /// Declared here.
    Declared(Box<Declaration>),
}

/// How the other side's call becomes the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) is_unsafe: bool,
    pub(super) answer: Answer,
}

/// What is done with what the other side returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Returned,
    /// It is a future, and so are we.
    Awaited,
    /// It is a future, and ours is in a box of its own type.
    Boxed,
    /// There is none: neither side returns.
    Diverges {
        is_async: bool,
    },
    /// It is of one opaque type, ours of another, and both are made into a third.
    Joined(Joint),
}

/// How two opaque types become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Joint {
    /// Whether both sides are `async fn`s, so that they are awaited first.
    pub(super) is_async: bool,
    pub(super) kind: JointKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JointKind {
    /// The runtime's `Either` has the traits.
    Either,
    /// A future that polls the side that was chosen.
    Future,
}

/// Where the gate stands.
pub(super) enum Place {
    /// In front of the function's own statements.
    Body(Block),
    /// In front of those of the one `async` block that the body consists of.
    AsyncBlock(AsyncBlock),
}

/// A body that is `async { .. }` or `Box::pin(async { .. })`.
pub(super) struct AsyncBlock {
    /// The braces of the function.
    pub(super) body: Block,
    /// `Box::pin`, or nothing.
    pub(super) wrapper: TokenStream,
    /// The parentheses of the wrapper, for their span.
    pub(super) parentheses: Option<Group>,
    /// `async move`
    pub(super) head: TokenStream,
    pub(super) block: Block,
}
