//! What providers have answered in a view: a provider knows only its present, so a request has to remember.
//!
//! The first answer of a flag to a context is the one for the rest of the view, whichever of its threads and tasks asks.
//! That goes for an error too.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::context::EvaluationContext;
use crate::provider::Answer;

/// The answers of one view; its clones share them.
#[derive(Default)]
pub(super) struct Answers {
    // Made at the first need: most requests ask no provider.
    list: OnceLock<Arc<Mutex<Vec<Answered>>>>,
}

struct Answered {
    flag: usize,
    ctx: EvaluationContext,
    answer: Arc<Answer>,
}

impl Answers {
    /// The same, for somebody else of the same request.
    pub(super) fn shared(&self) -> Self {
        Self { list: OnceLock::from(Arc::clone(self.list.get_or_init(Arc::default))) }
    }

    /// What a flag, known by where it lies, was answered; else what `ask` gives.
    pub(super) fn get_or_keep(
        &self,
        flag: usize,
        ctx: &EvaluationContext,
        ask: impl FnOnce() -> Arc<Answer>,
    ) -> Arc<Answer> {
        let list = self.list.get_or_init(Arc::default);
        let find = |list: &[Answered]| {
            let is_it = |one: &&Answered| one.flag == flag && (one.ctx.id() == ctx.id() || one.ctx == *ctx);
            list.iter().find(is_it).map(|one| Arc::clone(&one.answer))
        };
        if let Some(answer) = find(&list.lock().unwrap_or_else(PoisonError::into_inner)) {
            return answer;
        }
        // Without the lock: a provider is users' code, and may read flags itself.
        let answer = ask();
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread of the request may have come first, and its answer is in use.
        if let Some(first) = find(&list) {
            return first;
        }
        list.push(Answered { flag, ctx: ctx.clone(), answer: Arc::clone(&answer) });
        answer
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
