//! Evaluation context: who asks, and the ambient context of the current thread or task.
//!
//! A context is made once per request and is cheap to clone (one reference count). Inside [`EvaluationContext::scope`]
//! or [`EvaluationContext::scope_async`] it is *ambient*: `flag!(X)` without a context argument uses it. New threads and
//! tasks inherit nothing unless it is carried with [`carry`] or [`carry_async`]. Who serves requests takes a
//! [`RequestScope`](crate::RequestScope), in which each flag also has one answer.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::hash::{Hash as _, Hasher};
use std::ops::Range;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

pub use crate::request::{carry, carry_async};

/// Who asks for a flag: a targeting key, groups and attributes.
///
/// ```
/// use flags_runtime::EvaluationContext;
///
/// let ctx = EvaluationContext::new("user-42").group("beta").attribute("plan", "enterprise");
/// assert_eq!(ctx.targeting_key(), "user-42");
/// assert!(ctx.is_in_group("beta"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvaluationContext {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    /// Tells it from every other context that ever was; another one after each change.
    id: ContextId,
    targeting_key: String,
    kind: Option<Cow<'static, str>>,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
}

/// The value of a context attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// true or false
    Bool(bool),
    /// a whole number
    Integer(i64),
    /// any other number
    Float(f64),
    /// text
    String(String),
}

impl EvaluationContext {
    /// A context for one targeting key, in most services the user's id.
    ///
    /// Any string is a key; the empty one means that nobody is known (see [`EvaluationContext::anonymous`]).
    pub fn new(targeting_key: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { targeting_key: targeting_key.into(), ..Inner::default() }) }
    }

    /// A context without a targeting key.
    ///
    /// A percentage or a user list still answers, as for the user "", but the evaluation details then carry
    /// [`ErrorCode::TargetingKeyMissing`](crate::ErrorCode::TargetingKeyMissing) and `status()` counts it.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// What kind of thing the targeting key names, for example `"user"` or `"device"`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.changed().kind = Some(kind.into());
        self
    }

    /// Adds one group, to be found in a document's `allowed_groups`.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.changed().groups.push(group.into());
        self
    }

    /// Adds several groups.
    #[must_use]
    pub fn groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.changed().groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// Sets one attribute; the last value of a name counts.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.changed().attributes.insert(name.into(), value.into());
        self
    }

    /// The targeting key; empty if nobody is known.
    pub fn targeting_key(&self) -> &str {
        &self.inner.targeting_key
    }

    /// The kind, if one was given.
    pub fn targeting_kind(&self) -> Option<&str> {
        self.inner.kind.as_deref()
    }

    /// All groups, in the order in which they were added.
    pub fn all_groups(&self) -> &[String] {
        &self.inner.groups
    }

    /// Whether the context has this group.
    pub fn is_in_group(&self, group: &str) -> bool {
        self.inner.groups.iter().any(|own| own == group)
    }

    /// One attribute by name.
    pub fn attribute_value(&self, name: &str) -> Option<&AttributeValue> {
        self.inner.attributes.get(name)
    }

    /// What tells this context, and its clones, from every other one.
    #[inline]
    pub(crate) fn id(&self) -> ContextId {
        self.inner.id
    }

    /// Hashes what it says, for a map that compares by that.
    pub(crate) fn hash_content<H: Hasher>(&self, state: &mut H) {
        let Inner { id: _, targeting_key, kind, groups, attributes } = &*self.inner;
        (targeting_key, kind, groups).hash(state);
        for (name, value) in attributes {
            name.hash(state);
            match value {
                AttributeValue::Bool(value) => value.hash(state),
                AttributeValue::Integer(value) => value.hash(state),
                // 0.0 and -0.0 are equal.
                AttributeValue::Float(value) => (value + 0.0).to_bits().hash(state),
                AttributeValue::String(value) => value.hash(state),
            }
        }
    }

    /// All attributes, by name.
    #[cfg(any(feature = "launchdarkly", feature = "openfeature"))]
    pub(crate) fn attributes(&self) -> &BTreeMap<String, AttributeValue> {
        &self.inner.attributes
    }

    fn changed(&mut self) -> &mut Inner {
        let inner = Arc::make_mut(&mut self.inner);
        inner.id = ContextId::default();
        inner
    }

    /// Runs `f` with this context as the ambient one, and restores the one before, also when `f` panics.
    ///
    /// The innermost scope counts and replaces the outer one whole.
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let _restore = Restore::entering(Some(self.clone()));
        f()
    }

    /// Runs a future with this context as the ambient one: set at each poll, so it follows the future from thread to
    /// thread and is never seen by other tasks between polls. Works on every runtime.
    pub fn scope_async<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        set_at_each_poll(Some(self.clone()), future)
    }
}

impl PartialEq for Inner {
    fn eq(&self, other: &Self) -> bool {
        self.targeting_key == other.targeting_key
            && self.kind == other.kind
            && self.groups == other.groups
            && self.attributes == other.attributes
    }
}

/// A number that no other context of this process has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextId(pub(crate) u64);

impl ContextId {
    /// Of no context: counted from below, nobody gets here.
    const NOBODY: Self = Self(u64::MAX);
}

impl Default for ContextId {
    fn default() -> Self {
        /// How many a thread takes at a time, so that threads do not fight over the counter.
        const BLOCK: u64 = 4096;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static LEFT: Cell<Range<u64>> = const { Cell::new(0..0) };
        }
        let take = |left: &Cell<Range<u64>>| {
            let mut range = left.take();
            let id = range.next().unwrap_or_else(|| {
                // Relaxed: it is only to be another one.
                let from = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
                range = from + 1..from + BLOCK;
                from
            });
            left.set(range);
            id
        };
        // A thread that is being torn down takes a whole block for one.
        Self(LEFT.try_with(take).unwrap_or_else(|_| NEXT.fetch_add(BLOCK, Ordering::Relaxed)))
    }
}

/// The ambient context, if there is one.
pub fn current() -> Option<EvaluationContext> {
    AMBIENT.try_with(|ambient| ambient.borrow().clone()).ok().flatten()
}

/// Made once: a read without a context must not allocate.
static ANONYMOUS: LazyLock<EvaluationContext> = LazyLock::new(EvaluationContext::anonymous);

thread_local! {
    static AMBIENT: RefCell<Option<EvaluationContext>> = const { RefCell::new(None) };
    /// Which one it is. Apart, since what is never dropped is found at once.
    static AMBIENT_ID: Cell<ContextId> = const { Cell::new(ContextId::NOBODY) };
}

/// What tells the ambient context from others, and from that there is none.
#[inline]
pub(crate) fn current_id() -> ContextId {
    AMBIENT_ID.get()
}

/// Puts a context in the place of the ambient one, and gives that.
fn exchange(ctx: Option<EvaluationContext>) -> Option<EvaluationContext> {
    let id = ctx.as_ref().map_or(ContextId::NOBODY, EvaluationContext::id);
    // A thread that is being torn down has no slot; it then reads anonymously, which is all that is left to do.
    match AMBIENT.try_with(|ambient| ambient.replace(ctx)) {
        Ok(before) => {
            AMBIENT_ID.set(id);
            before
        }
        Err(_) => None,
    }
}

/// Exchanges the ambient context.
pub(crate) fn swap_current(ctx: &mut Option<EvaluationContext>) {
    *ctx = exchange(ctx.take());
}

/// Lends the ambient context, or an anonymous one, to a pure function.
///
/// `f` must not enter a scope: the thread's slot is borrowed while it runs. Evaluation never does.
pub(crate) fn with_current<R>(f: impl FnOnce(&EvaluationContext) -> R) -> R {
    let mut f = Some(f);
    let answered = AMBIENT.try_with(|ambient| {
        let ambient = ambient.borrow();
        let ctx = ambient.as_ref()?;
        f.take().map(|f| f(ctx))
    });
    match (answered, f) {
        (Ok(Some(answer)), _) => answer,
        (_, Some(f)) => f(&ANONYMOUS),
        (_, None) => unreachable!("`f` is only taken where its answer is returned"),
    }
}

async fn set_at_each_poll<F: Future>(ctx: Option<EvaluationContext>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _restore = Restore::entering(ctx.clone());
        future.as_mut().poll(cx)
    })
    .await
}

/// Puts the context before back on drop, so on unwinding too.
struct Restore(Option<EvaluationContext>);

impl Restore {
    fn entering(ctx: Option<EvaluationContext>) -> Self {
        Self(exchange(ctx))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let before = self.0.take();
        // The context that leaves is dropped outside the borrow.
        drop(exchange(before));
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for AttributeValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for AttributeValue {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}
