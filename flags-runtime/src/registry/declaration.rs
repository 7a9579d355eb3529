//! The declaration: all that one `#[feature_flag(..)]` says about its flag. Immutable and not generic.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cell::{Cell, Reading};
use crate::context::EvaluationContext;
#[cfg(feature = "openfeature")]
use crate::details::AnyValue;
use crate::details::EvaluationDetails;
use crate::rules::rule::Published;
use crate::value::{Decode, Shape};

use arc_swap::ArcSwapOption;

/// What is declared about a flag, beside its code.
pub struct Declaration {
    meta: Metadata,
    decode: Decode,
    default_bits: fn() -> u64,
    record: &'static [u8],
}

/// The plain data of a declaration, known at compile time. Filled in by the attribute; empty strings mean "not given".
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, clippy::exhaustive_structs, reason = "written by macro expansions only")]
pub struct Metadata {
    pub name: &'static str,
    pub key: &'static str,
    pub shape: Shape,
    pub default_expression: &'static str,
    pub expires: &'static str,
    /// Unix seconds; the last moment there is if it never expires.
    pub expired_from: u64,
    pub never: &'static str,
    pub owner: &'static str,
    pub created: &'static str,
    pub ticket: &'static str,
    pub kind: &'static str,
    pub public: Option<PublicAnswer>,
    pub provider: &'static str,
    /// Milliseconds that the source may be away before the declared default is answered; 0 is for ever.
    pub outage_limit: u64,
    pub doc: &'static str,
    pub place: Place,
}

impl Metadata {
    /// Nothing said: for stand-ins and tests.
    pub(crate) const EMPTY: Self = Self {
        name: "",
        key: "",
        shape: Shape { name: "", variants: &[], idents: &[], is_switch: false },
        default_expression: "",
        expires: "",
        expired_from: u64::MAX,
        never: "",
        owner: "",
        created: "",
        ticket: "",
        kind: "",
        public: None,
        provider: "",
        outage_limit: 0,
        doc: "",
        place: Place { package: "", version: "", file: "", line: 0, column: 0, module: "" },
    };
}

/// Evaluates a flag, and writes its value as JSON.
#[doc(hidden)]
pub(crate) type PublicAnswer = fn(Option<&EvaluationContext>) -> Result<EvaluationDetails<String>, String>;

/// Where a declaration or a call site stands.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, clippy::exhaustive_structs, reason = "written by macro expansions only")]
pub struct Place {
    pub package: &'static str,
    pub version: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub column: u32,
    pub module: &'static str,
}

/// The part of a flag that is the same for all types: its cell, its published rule and its declaration.
#[doc(hidden)]
pub struct FlagCore {
    pub(crate) cell: Cell,
    pub(crate) published: ArcSwapOption<Published>,
    /// The first epoch that goes by what is published; 0 if that was there before any view. The store writes it before it publishes.
    pub(crate) since: AtomicU64,
    /// Made where users' code may run, and from then on known to the store, which must not run any.
    default_bits: OnceLock<u64>,
    pub(crate) missing_keys: AtomicU64,
    /// Whether it was read since reads are tracked, and since the last report; written by the store, under its lock.
    pub(crate) was_read: AtomicBool,
    pub(crate) is_read_unreported: AtomicBool,
    #[cfg(feature = "testing")]
    pub(crate) forces: std::sync::atomic::AtomicUsize,
    pub(crate) declaration: &'static Declaration,
}

/// A flag whatever its type. One table of functions for each type, not for each flag, so that thousands of flags cost the compiler
/// nothing here.
#[doc(hidden)]
pub trait AnyFlag: Sync {
    fn core(&'static self) -> &'static FlagCore;
    /// Evaluates it as any read with details does, and lends what came of it.
    #[cfg(feature = "openfeature")]
    fn lend(&'static self, ctx: &EvaluationContext, borrow: &mut dyn FnMut(&EvaluationDetails<AnyValue<'_>>));
}

/// What `#[feature_flag]` submits to the inventory.
#[doc(hidden)]
pub struct Registration(pub &'static dyn AnyFlag);

inventory::collect!(Registration);

impl Declaration {
    #[doc(hidden)]
    pub const fn new(meta: Metadata, decode: Decode, default_bits: fn() -> u64, record: &'static [u8]) -> Self {
        Self { meta, decode, default_bits, record }
    }

    /// The flag's name.
    pub const fn name(&self) -> &'static str {
        self.meta.name
    }

    /// The key of its document, without prefix: the declared `key`, else the name. It is also what is hashed.
    pub const fn key(&self) -> &'static str {
        if self.meta.key.is_empty() { self.meta.name } else { self.meta.key }
    }

    /// The type, in the words of the records: `bool`, `u8` .. `i64`, `f32`, `f64`, `string`, `json`, `enum`.
    pub const fn type_name(&self) -> &'static str {
        self.meta.shape.name
    }

    /// The variants of an enum, in declaration order; empty for other types.
    pub const fn variants(&self) -> &'static [&'static str] {
        self.meta.shape.variants
    }

    /// The default, as source text.
    pub const fn default_expression(&self) -> &'static str {
        self.meta.default_expression
    }

    /// The last day of its life, `YYYY-MM-DD`; none if it never expires.
    pub fn expires(&self) -> Option<&'static str> {
        given(self.meta.expires)
    }

    /// Whether its last day, which ends at midnight UTC, is over at `moment`. What the flag answers does not depend on it.
    pub fn has_expired(&self, moment: SystemTime) -> bool {
        // A clock before 1970 is a machine without a clock: nothing has expired there.
        moment.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() >= self.meta.expired_from)
    }

    /// Why it never expires.
    pub fn never_expires_because(&self) -> Option<&'static str> {
        given(self.meta.never)
    }

    /// Who answers for it.
    pub fn owner(&self) -> Option<&'static str> {
        given(self.meta.owner)
    }

    /// The day it was declared, `YYYY-MM-DD`.
    pub fn created(&self) -> Option<&'static str> {
        given(self.meta.created)
    }

    /// The ticket it belongs to.
    pub fn ticket(&self) -> Option<&'static str> {
        given(self.meta.ticket)
    }

    /// `release`, `experiment`, `ops` or `permission`.
    pub fn kind(&self) -> Option<&'static str> {
        given(self.meta.kind)
    }

    /// The name of the provider that decides it in the place of documents; none unless one is declared.
    pub fn provider(&self) -> Option<&'static str> {
        given(self.meta.provider)
    }

    /// Whether the flag may be shown to clients outside the service.
    pub const fn is_public(&self) -> bool {
        self.meta.public.is_some()
    }

    /// The answer as clients outside get it, its value as JSON; none if the flag is not `public`. An error is why the value
    /// cannot be written.
    #[cfg(any(feature = "tower", feature = "actix", feature = "openfeature"))]
    pub(crate) fn public_answer(
        &self,
        ctx: Option<&EvaluationContext>,
    ) -> Option<Result<EvaluationDetails<String>, String>> {
        self.meta.public.map(|answer| answer(ctx))
    }

    /// How long the source may be away before the flag answers its declared default (`on_outage = default(after = "5m")`);
    /// none if it keeps its last decision.
    pub fn outage_limit(&self) -> Option<Duration> {
        (self.meta.outage_limit > 0).then(|| Duration::from_millis(self.meta.outage_limit))
    }

    /// Its doc comment.
    pub fn doc(&self) -> Option<&'static str> {
        given(self.meta.doc)
    }

    /// The package that declares it.
    pub const fn package(&self) -> &'static str {
        self.meta.place.package
    }

    /// The version of that package.
    pub const fn package_version(&self) -> &'static str {
        self.meta.place.version
    }

    /// The source file, as the compiler names it.
    pub const fn file(&self) -> &'static str {
        self.meta.place.file
    }

    /// The line in the file, from 1.
    pub const fn line(&self) -> u32 {
        self.meta.place.line
    }

    /// The column in the line, from 1.
    pub const fn column(&self) -> u32 {
        self.meta.place.column
    }

    /// The module path.
    pub const fn module(&self) -> &'static str {
        self.meta.place.module
    }

    /// The JSON line that the binary carries for this flag; empty if `FLAGS_EMBED=none`.
    pub const fn record(&self) -> &'static [u8] {
        self.record
    }

    pub(crate) fn place(&self) -> &Place {
        &self.meta.place
    }

    pub(crate) fn decode(&self) -> Decode {
        self.decode
    }

    pub(crate) fn is_switch(&self) -> bool {
        self.meta.shape.is_switch
    }

    /// Whether both say the same: one declaration that was linked twice.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let said = |meta: &Metadata| {
            (meta.name, meta.key, meta.shape, meta.default_expression, meta.expires, meta.owner, meta.kind)
        };
        self.meta.place == other.meta.place && said(&self.meta) == said(&other.meta)
    }
}

impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.meta.fmt(f)
    }
}

fn given(text: &'static str) -> Option<&'static str> {
    (!text.is_empty()).then_some(text)
}

impl FlagCore {
    pub(crate) const fn new(declaration: &'static Declaration) -> Self {
        Self {
            cell: Cell::new(),
            published: ArcSwapOption::const_empty(),
            since: AtomicU64::new(0),
            default_bits: OnceLock::new(),
            missing_keys: AtomicU64::new(0),
            was_read: AtomicBool::new(false),
            is_read_unreported: AtomicBool::new(false),
            #[cfg(feature = "testing")]
            forces: std::sync::atomic::AtomicUsize::new(0),
            declaration,
        }
    }

    /// What tells this flag from others: statics stay where they are.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether a read is one load now.
    pub fn is_settled(&self) -> bool {
        self.settled().is_some()
    }

    /// The settled bits, or none.
    #[inline]
    pub(crate) fn settled(&self) -> Option<u64> {
        self.cell.settled()
    }

    /// Settles a cell that nobody has published to, at the declared default.
    pub(crate) fn settle_first(&self) {
        if self.cell.read() == Reading::Uninit {
            self.cell.settle_first(self.default_bits());
        }
    }

    /// The bits of the declared default. May run a user's `default_fn`, so never under the store's lock.
    pub(crate) fn default_bits(&self) -> u64 {
        // Not within the lock of the cell either: two readers may both make it, and a `default_fn` that panics or reads
        // its own flag meets only itself.
        let bits = self.known_default_bits().unwrap_or_else(self.declaration.default_bits);
        *self.default_bits.get_or_init(|| bits)
    }

    /// The same, if it was made before.
    pub(crate) fn known_default_bits(&self) -> Option<u64> {
        self.default_bits.get().copied()
    }
}
