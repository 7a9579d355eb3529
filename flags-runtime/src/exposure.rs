//! Exposures: who was shown which variant, for the evaluation of A/B tests.
//!
//! Not every read is one: `flag!(X, exposed)` or [`EvaluationDetails::track`] marks the moment of showing. An exposure that a
//! subscriber has had is not repeated, as far as a fixed number of places remembers it. The caller pays for a hash and a look at one
//! cache line, and for one SHA-256 where there is a sample; everything else happens on the subscriber's thread.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

pub use crate::feed::Subscription;

use crate::context::EvaluationContext;
use crate::details::{AnyValue, EvaluationDetails, Reason};
use crate::feed::Feed;
use crate::flag::Flag;
use crate::hex::hex;
use crate::random;
use crate::registry::{Declaration, registry};
use crate::rules::bucket::{Threshold, position};
use crate::targeting_keys;
use crate::types::{FlagValue, Shown};

/// That somebody was shown a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exposure {
    /// The flag's key.
    pub flag: &'static str,
    /// What was shown: `on` or `off` of a bool, the name of an enum's variant, a number, a text of at most 64 bytes; of a
    /// longer text `sha256:` and 16 hex digits, of JSON `document` or `default`.
    pub variant: Cow<'static, str>,
    /// Why.
    pub reason: Reason,
    /// To whom, as [`builder().targeting_keys(..)`](crate::Builder::targeting_keys) says: hashed unless set; none where
    /// nobody is known.
    pub targeting_key: Option<String>,
    /// When.
    pub at: SystemTime,
}

/// How exposures are wanted: all of them, each once, unless set.
///
/// ```
/// use flags_runtime::exposure::Exposures;
/// use flags_runtime::{EvaluationContext, Flag, FlagValue, feature_flag, flag};
///
/// #[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
/// enum Price { Old, New }
///
/// #[feature_flag(name = "price_example", default = Price::Old, expires = "2099-01-01")]
/// static PRICE: Flag<Price>;
///
/// # fn main() -> std::io::Result<()> {
/// let (_subscription, exposures) = Exposures::new().channel(1_000)?;
/// let ctx = EvaluationContext::new("user-42");
/// match flag!(PRICE, &ctx, exposed) {
///     Price::Old => println!("10.00"),
///     Price::New => println!("9.99"),
/// }
/// assert_eq!(exposures.recv().unwrap().variant, "old");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is told until somebody subscribes"]
pub struct Exposures {
    percent: f64,
    remembered: usize,
}

/// What one subscriber wants, and what it has had.
struct Wanted {
    /// None if it wants everybody.
    sample: Option<Threshold>,
    had: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// How many exposures wait for a subscriber at most.
const QUEUE: usize = 4096;
const REMEMBERED: usize = 65_536;
/// Among how many places an exposure has its own: a cache line.
const WAYS: usize = 8;
const MOST_REMEMBERED: usize = 1 << 28;
const LONGEST_TEXT: usize = 64;

static FEED: Feed<Shipment, Wanted> = Feed::new("flags-exposures");

/// An exposure on its way to a subscriber's thread, where its key is made what it may be shown as.
#[derive(Clone)]
struct Shipment {
    exposure: Exposure,
    raw_key: String,
}

impl Default for Exposures {
    fn default() -> Self {
        Self::new()
    }
}

impl Exposures {
    /// All, each once.
    pub fn new() -> Self {
        Self { percent: 100.0, remembered: REMEMBERED }
    }

    /// Only those of so many percent of the users (0 to 100): of a user all or none, whatever the flag.
    pub fn sample(mut self, percent: f64) -> Self {
        self.percent = percent;
        self
    }

    /// How many exposures are remembered, so as not to be repeated: 8 bytes each, 65,536 unless set, at most 2^28, rounded up to a
    /// power of two. Zero repeats all. What is forgotten may be told again; nothing is left out for lack of room.
    pub fn remember(mut self, exposures: usize) -> Self {
        self.remembered = exposures;
        self
    }

    /// Calls `sink` for each, on a thread of its own, until the subscription is dropped. 4,096 wait for it at most; what comes then
    /// is dropped, counted ([`Subscription::dropped`]) and told when it is shown again.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn subscribe(self, sink: impl Fn(Exposure) + Send + 'static) -> io::Result<Subscription> {
        self.feed(move |exposure| {
            sink(exposure);
            true
        })
    }

    /// The same, with a sink that says whether it has taken the exposure.
    fn feed(self, sink: impl Fn(Exposure) -> bool + Send + 'static) -> io::Result<Subscription> {
        FEED.subscribe(self.wanted(), QUEUE, move |Shipment { mut exposure, raw_key }| {
            exposure.targeting_key = targeting_keys::shown(&raw_key);
            // A sink that panics is called again for the next one; the panic hook has told of it.
            catch_unwind(AssertUnwindSafe(|| sink(exposure))).unwrap_or(false)
        })
    }

    /// Puts them into a channel of so many places; while it is full they wait, as [`subscribe`](Self::subscribe) says. Once its
    /// receiver is gone they are dropped, and counted.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn channel(self, places: usize) -> io::Result<(Subscription, Receiver<Exposure>)> {
        let (sender, receiver) = sync_channel(places);
        let subscription = self.feed(move |exposure| sender.send(exposure).is_ok())?;
        Ok((subscription, receiver))
    }

    /// Makes each a `tracing` event of level info and target `flags_runtime::exposure`, with the fields `flag`, `variant`,
    /// `reason` and `targeting_key`.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    #[cfg(feature = "tracing")]
    pub fn tracing(self) -> io::Result<Subscription> {
        self.subscribe(|Exposure { flag, variant, reason, targeting_key, at: _ }| {
            let (reason, targeting_key) = (reason.as_str(), targeting_key.as_deref());
            tracing::info!(target: "flags_runtime::exposure", flag, variant = &*variant, reason, targeting_key, "exposed");
        })
    }

    fn wanted(self) -> Wanted {
        // What is no number is nobody.
        let is_everybody = self.percent >= 100.0;
        let sample = (!is_everybody).then(|| Threshold::of(self.percent.max(0.0)));
        let places = match self.remembered {
            0 => 0,
            remembered => remembered.clamp(WAYS, MOST_REMEMBERED).next_power_of_two(),
        };
        let had = std::iter::repeat_with(|| AtomicU64::new(0)).take(places).collect();
        Wanted { sample, had, hasher: RandomState::new() }
    }
}

impl Wanted {
    /// Whether it wants to hear of this user. In or out for good, so that what is told of a user is all there is.
    fn samples(&self, targeting_key: &str) -> bool {
        let Some(threshold) = self.sample else { return true };
        if targeting_key.is_empty() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of all positions")]
            return threshold.admits((random::share() * f64::from(u32::MAX)) as u32);
        }
        threshold.admits(position("exposures", targeting_key))
    }

    /// The places that an exposure can have, and what stands there once it was told.
    fn places(&self, flag: &str, targeting_key: &str, variant: &str) -> (&[AtomicU64], u64) {
        let mark = self.hasher.hash_one((flag, targeting_key, variant)).max(1);
        let groups = (self.had.len() / WAYS).max(1) as u64;
        #[allow(clippy::cast_possible_truncation, reason = "below a length")]
        let from = (mark & (groups - 1)) as usize * WAYS;
        (self.had.get(from..from + WAYS).unwrap_or_default(), mark)
    }

    /// Notes an exposure; false if it was told before.
    fn is_new(&self, flag: &str, targeting_key: &str, variant: &str) -> bool {
        // Relaxed: the number is all there is.
        let (places, mark) = self.places(flag, targeting_key, variant);
        if places.iter().any(|place| place.load(Ordering::Relaxed) == mark) {
            return false;
        }
        for place in places {
            match place.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                // Another thread has told it just now.
                Err(other) if other == mark => return false,
                Err(_) => {}
            }
        }
        if let Some(place) = places.get((mark >> 61) as usize) {
            place.store(mark, Ordering::Relaxed);
        }
        true
    }

    /// It was not told after all.
    fn forget(&self, flag: &str, targeting_key: &str, variant: &str) {
        let (places, mark) = self.places(flag, targeting_key, variant);
        for place in places {
            let _ = place.compare_exchange(mark, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

fn expose(key: &'static str, value: AnyValue<'_>, variant: Option<&str>, reason: Reason, ctx: &EvaluationContext) {
    let variant: Cow<'_, str> = match (variant, value) {
        (Some(variant), _) => variant.into(),
        (None, AnyValue::Bool(is_on)) => if is_on { "on" } else { "off" }.into(),
        (None, AnyValue::Integer(number)) => number.to_string().into(),
        (None, AnyValue::Float(number)) => number.to_string().into(),
        (None, AnyValue::Variant(name)) => name.into(),
        (None, AnyValue::String(text)) if text.len() <= LONGEST_TEXT => text.into(),
        (None, AnyValue::String(text)) => format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())[..8])).into(),
        (None, AnyValue::Json { is_default, .. }) => if is_default { "default" } else { "document" }.into(),
    };
    let user = ctx.targeting_key();
    let shipment = |wanted: &Wanted| {
        (wanted.samples(user) && wanted.is_new(key, user, &variant)).then(|| Shipment {
            exposure: Exposure {
                flag: key,
                variant: variant.clone().into_owned().into(),
                reason,
                targeting_key: None,
                at: SystemTime::now(),
            },
            raw_key: user.to_owned(),
        })
    };
    FEED.publish(shipment, |wanted| wanted.forget(key, user, &variant));
}

impl<V: Shown> EvaluationDetails<V> {
    /// Says that this value is shown now, to whom it was evaluated for: an [`Exposure`].
    ///
    /// Whoever that was then: it may be said later, in another task or another request.
    pub fn track(&self) {
        if FEED.has_subscribers() {
            expose(self.key, self.value.any(), self.variant.as_deref(), self.reason, &self.evaluated_for.0);
        }
    }
}

impl<T: FlagValue> Flag<T> {
    /// The value for the ambient context, which is shown now: an [`Exposure`].
    pub fn exposed(&'static self) -> T::Ref {
        let details = self.details();
        details.track();
        details.value
    }

    /// The value for a context, which is shown now: an [`Exposure`].
    pub fn exposed_for(&'static self, ctx: &EvaluationContext) -> T::Ref {
        let details = self.details_for(ctx);
        details.track();
        details.value
    }
}

impl Exposure {
    /// What was declared about the flag.
    pub fn declaration(&self) -> Option<&'static Declaration> {
        registry().by_key(self.flag).map(crate::registry::RegisteredFlag::declaration)
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown_to = self.targeting_key.as_deref().unwrap_or("nobody known");
        write!(f, "{} = {} ({}) to {shown_to}", self.flag, self.variant, self.reason)
    }
}
