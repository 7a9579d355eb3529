//! Rules: from the wire form of a document to the compiled rule. Pure; no I/O, no globals.
//!
//! `document` (wire form) -> `targeting` and `rule` (compiled). `bucket` is the formula shared with other languages.

pub mod bucket;
mod document;
mod names;
pub(crate) mod rule;
pub(crate) mod targeting;
mod text;

pub use document::{Document, DocumentError, MAX_BYTES, RawFields};
pub use targeting::Targeting;
