//! The memo: what flags have answered within one view, so that a percentage is hashed once for a user.
//!
//! A fixed number of places; an answer that takes another one's place costs that one a new evaluation, and nothing else.

use crate::context::EvaluationContext;
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

/// Answers by flag and context.
#[derive(Debug)]
pub(crate) struct Memo {
    places: [Option<Entry>; PLACES],
}

#[derive(Debug)]
struct Entry {
    flag: usize,
    /// Kept, so that no other context can come to lie where it lies.
    ctx: EvaluationContext,
    answer: Remembered,
}

const PLACES: usize = 32;

impl Memo {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { places: [const { None }; PLACES] }
    }

    /// What a flag, known by where it lies, has answered to a context.
    #[inline]
    pub(super) fn get(&self, flag: usize, ctx: &EvaluationContext) -> Option<Remembered> {
        let entry = self.places[place(flag, ctx)].as_ref()?;
        (entry.flag == flag && entry.ctx.is_same_as(ctx)).then_some(entry.answer)
    }

    /// Keeps an answer; gives back whose place it takes.
    pub(super) fn put(&mut self, flag: usize, ctx: &EvaluationContext, answer: Remembered) {
        self.places[place(flag, ctx)] = Some(Entry { flag, ctx: ctx.clone(), answer });
    }
}

#[inline]
fn place(flag: usize, ctx: &EvaluationContext) -> usize {
    // Statics lie some hundred bytes apart, contexts at multiples of 16: a multiplication mixes both into the upper bits.
    let mixed = (flag as u64 ^ (ctx.address() as u64).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    #[allow(clippy::cast_possible_truncation, reason = "five bits")]
    let place = (mixed >> (u64::BITS - PLACES.ilog2())) as usize;
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_its_flag_and_its_context() {
        let mut memo = Memo::new();
        let answer = |bits| Remembered { value: RememberedValue::Bits(bits), reason: Reason::Split, error_code: None };
        let (ada, bob) = (EvaluationContext::new("ada"), EvaluationContext::new("bob"));
        memo.put(640, &ada, answer(1));
        assert_eq!(memo.get(640, &ada.clone()), Some(answer(1)));
        assert_eq!(memo.get(640, &bob), None);
        assert_eq!(memo.get(1280, &ada), None);
        // More than there are places: what is there is still whose it is.
        for flag in 0..1000 {
            memo.put(flag, &bob, answer(flag as u64));
            assert_eq!(memo.get(flag, &bob), Some(answer(flag as u64)));
        }
        let kept = (0..1000).filter_map(|flag| Some((flag, memo.get(flag, &bob)?)));
        assert!(kept.map(|(flag, kept)| assert_eq!(kept, answer(flag as u64))).count() > 1);
    }
}
