//! The memo: what flags have answered on this thread, so that a percentage is hashed once for a user.
//!
//! An answer is of what is in force of its flag since some epoch, and counts only while that is: as long as nothing is published of the
//! flag, nothing can change it. A fixed number of places; an answer that takes another one's place costs that one a new evaluation, and nothing else.

use std::cell::Cell;

use crate::context::ContextId;
use crate::details::{ErrorCode, Reason};

/// An answer without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) value: RememberedValue,
    pub(crate) reason: Reason,
    pub(crate) error_code: Option<ErrorCode>,
}

/// Where its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RememberedValue {
    /// The declared default.
    Default,
    /// A scalar's bits.
    Bits(u64),
    /// In the rule that lies there.
    OfRule(usize),
}

impl RememberedValue {
    /// A scalar's bits, and those at which a string's default is settled.
    #[inline]
    pub(crate) fn bits(self) -> Option<u64> {
        match self {
            Self::Bits(bits) => Some(bits),
            Self::Default | Self::OfRule(_) => None,
        }
    }
}

/// Answers by flag, context, and since when what decides is in force. Nothing in it is ever dropped, so that a thread finds it without asking whether it is there
/// still; it is made of zeros, so a thread that never asks has no memory of it.
#[derive(Debug)]
pub(crate) struct Memo {
    places: [Cell<Entry>; PLACES],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// None has the address 0.
    flag: usize,
    since: u64,
    ctx: u64,
    answer: Remembered,
}

const PLACES: usize = 128;

impl Memo {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { places: [const { Cell::new(Entry::NONE) }; PLACES] }
    }

    /// What a flag, known by where it lies, has answered to a context by what is in force since this epoch.
    #[inline]
    pub(super) fn get(&self, flag: usize, since: u64, ctx: ContextId) -> Option<Remembered> {
        let entry = self.places[place(flag, ctx)].get();
        (entry.flag == flag && entry.since == since && entry.ctx == ctx.0).then_some(entry.answer)
    }

    /// Keeps an answer.
    pub(super) fn put(&self, flag: usize, since: u64, ctx: ContextId, answer: Remembered) {
        self.places[place(flag, ctx)].set(Entry { flag, since, ctx: ctx.0, answer });
    }
}

impl Entry {
    const NONE: Self = Self {
        flag: 0,
        since: 0,
        ctx: 0,
        answer: Remembered { value: RememberedValue::Default, reason: Reason::Default, error_code: None },
    };
}

#[inline]
fn place(flag: usize, ctx: ContextId) -> usize {
    // Statics lie some hundred bytes apart, contexts are counted: a multiplication mixes both into the upper bits.
    let mixed = (flag as u64 ^ ctx.0.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    #[allow(clippy::cast_possible_truncation, reason = "a place")]
    let place = (mixed >> (u64::BITS - PLACES.ilog2())) as usize;
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_its_flag_its_context_and_what_is_in_force() {
        let memo = Memo::new();
        let answer = |bits| Remembered { value: RememberedValue::Bits(bits), reason: Reason::Split, error_code: None };
        let (ada, bob) = (ContextId::default(), ContextId::default());
        memo.put(640, 1, ada, answer(1));
        assert_eq!(memo.get(640, 1, ada), Some(answer(1)));
        assert_eq!(memo.get(640, 2, ada), None);
        assert_eq!(memo.get(640, 1, bob), None);
        assert_eq!(memo.get(1280, 1, ada), None);
        // More than there are places: what is there is still whose it is.
        for flag in 0..1000 {
            memo.put(flag, 1, bob, answer(flag as u64));
            assert_eq!(memo.get(flag, 1, bob), Some(answer(flag as u64)));
        }
        let kept = (0..1000).filter_map(|flag| Some((flag, memo.get(flag, 1, bob)?)));
        assert!(kept.map(|(flag, kept)| assert_eq!(kept, answer(flag as u64))).count() > 1);
    }
}
