//! Kept answers: what a provider said of which flag to whom, when it was asked in the background.
//!
//! At most 100,000 a provider: what was not looked at for as long as 50,000 others came is forgotten. An answer is fresh for
//! thirty seconds, and until the provider tells of a change; what is no longer fresh stays until there is another, so that a
//! provider that fails leaves decisions as they were. An error is fresh for a second, and takes no answer's place.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;

use super::Answer;
use crate::context::EvaluationContext;

const FRESH_FOR: Duration = Duration::from_secs(30);
const ERROR_FRESH_FOR: Duration = Duration::from_secs(1);
const GENERATION: usize = 50_000;

#[derive(Debug, Default)]
pub(super) struct Kept {
    // Held for a look, never while anybody is asked.
    generations: Mutex<Generations>,
}

/// The younger one, and the one before it, whose entries move over when they are looked at.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Question, Entry, FxBuildHasher>,
    old: HashMap<Question, Entry, FxBuildHasher>,
}

#[derive(Clone, Debug)]
struct Entry {
    answer: Arc<Answer>,
    number: u64,
    at: Instant,
}

/// A flag by its key, and a context by what it says, not by which one it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    pub(super) flag: &'static str,
    pub(super) ctx: EvaluationContext,
}

// But for those that `is_itself` tells, which are kept nowhere.
impl Eq for Question {}

impl Question {
    /// Whether it is found again: an attribute that is no number equals nothing, and so does its context.
    pub(super) fn is_itself(&self) -> bool {
        let Self { flag: _, ctx } = self;
        ctx == &ctx.clone()
    }
}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.flag.hash(state);
        self.ctx.hash_content(state);
    }
}

impl Kept {
    /// What was answered, and whether it is fresh; `number` counts the provider's changes.
    pub(super) fn get(&self, flag: &'static str, ctx: &EvaluationContext, number: u64) -> Option<(Arc<Answer>, bool)> {
        let key = Question { flag, ctx: ctx.clone() };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = if let Some(entry) = generations.young.get(&key) {
            entry.clone()
        } else {
            let entry = generations.old.remove(&key)?;
            generations.insert(key, entry.clone());
            entry
        };
        let fresh_for = if entry.answer.is_failure() { ERROR_FRESH_FOR } else { FRESH_FOR };
        let is_fresh = entry.number == number && entry.at.elapsed() < fresh_for;
        Some((entry.answer, is_fresh))
    }

    /// Keeps an answer that was asked for when the provider's changes were at `number`.
    pub(super) fn put(&self, flag: &'static str, ctx: &EvaluationContext, number: u64, answer: Arc<Answer>) {
        let entry = Entry { answer, number, at: Instant::now() };
        let key = Question { flag, ctx: ctx.clone() };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let has_answer = |entry: Option<&Entry>| entry.is_some_and(|entry| !entry.answer.is_failure());
        if entry.answer.is_failure()
            && (has_answer(generations.young.get(&key)) || has_answer(generations.old.get(&key)))
        {
            return;
        }
        generations.insert(key, entry);
    }
}

impl Generations {
    fn insert(&mut self, key: Question, entry: Entry) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::details::ErrorCode;

    fn answer() -> Arc<Answer> {
        Arc::new(Answer::error(ErrorCode::General, "x"))
    }

    #[test]
    fn an_answer_belongs_to_what_the_context_says_and_is_fresh_until_a_change() {
        let kept = Kept::default();
        let ctx =
            || EvaluationContext::new("ada").kind("user").group("beta").attribute("plan", "pro").attribute("age", 7);
        kept.put("x", &ctx(), 3, answer());
        assert!(kept.get("x", &ctx(), 3).is_some_and(|(_, is_fresh)| is_fresh));
        assert!(kept.get("x", &ctx(), 4).is_some_and(|(_, is_fresh)| !is_fresh));
        for other in
            [ctx().group("staff"), ctx().attribute("age", 8), ctx().kind("device"), EvaluationContext::new("bob")]
        {
            assert!(kept.get("x", &other, 3).is_none(), "{other:?}");
        }
    }

    #[test]
    fn an_error_takes_no_answers_place() {
        let kept = Kept::default();
        let ctx = EvaluationContext::new("ada");
        let error = |code| Arc::new(Answer::error(code, "x"));
        kept.put("x", &ctx, 0, error(ErrorCode::General));
        assert!(kept.get("x", &ctx, 0).is_some_and(|(answer, _)| answer.is_failure()));
        kept.put("x", &ctx, 0, error(ErrorCode::FlagNotFound));
        kept.put("x", &ctx, 1, error(ErrorCode::General));
        let (answer, is_fresh) = kept.get("x", &ctx, 1).unwrap();
        assert!(answer.is_not_found() && !is_fresh);
    }

    #[test]
    fn what_is_looked_at_stays_and_the_rest_is_forgotten() {
        let kept = Kept::default();
        let user = |number: usize| EvaluationContext::new(format!("user-{number}"));
        for number in 0..4 * GENERATION {
            kept.put("x", &user(number), 0, answer());
            assert!(kept.get("x", &user(0), 0).is_some());
        }
        assert!(kept.get("x", &user(1), 0).is_none());
        let generations = kept.generations.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
