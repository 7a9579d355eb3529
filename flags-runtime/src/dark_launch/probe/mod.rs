//! Probes: how the result of a gated function is compared, shown and kept, found by its type. For expansions only.
//!
//! Each question is a method of several traits, implemented for references of different depth: the compiler takes the
//! first whose bounds hold. The last one has a bound that never holds, whose message is what the user reads. An
//! expansion asks in the user's crate, where the type is known; in a generic function what its bounds promise counts.

mod arguments;
mod errors;
mod judged;
mod values;

use std::marker::PhantomData;

pub use self::arguments::*;
pub use self::errors::*;
pub use self::judged::*;
pub use self::values::*;

/// All traits of questions about results, to be imported without their names.
pub mod of_results {
    pub use super::{
        Errors0 as _, Errors1 as _, Errors2 as _, Errors3 as _, ErrorsBy0 as _, ErrorsBy1 as _, ErrorsBy2 as _,
        ErrorsBy3 as _, IncomparableValues0 as _, Keep0 as _, Keep1 as _, Keep2 as _, Keep3 as _, Keeping0 as _,
        Keeping1 as _, Texts0 as _, Texts1 as _, Texts2 as _, Texts3 as _, Values0 as _, Values1 as _, Values2 as _,
        ValuesBy0 as _, ValuesBy1 as _,
    };
}

/// The same about arguments.
pub mod of_arguments {
    pub use super::{Clone0 as _, Clone1 as _, Send0 as _, Send1 as _};
}

/// A result of this type, to be asked about.
pub struct Of<T>(PhantomData<fn() -> T>);

impl<T> Of<T> {
    pub const NEW: Self = Self(PhantomData);
}
