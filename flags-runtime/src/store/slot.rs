//! Slots: the documents of one flag, one for each origin, with the last good rule of each.

use std::panic::catch_unwind;
use std::sync::Arc;

use crate::provider::Provided;
use crate::registry::Declaration;
use crate::rules::DocumentError;
use crate::rules::rule::{Origin, Published, Rule};

/// The documents of one flag.
#[derive(Debug, Default)]
pub(super) struct FlagState {
    pub(super) source: Slot,
    pub(super) override_file: Slot,
    /// Whether the source has been away for longer than the flag allows.
    pub(super) is_outage: bool,
    /// Who decides above the source; none unless a provider does.
    pub(super) provided: Option<Provided>,
}

/// The document of one origin for one flag.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Of the document's text; none without a document.
    pub(super) sha256: Option<[u8; 32]>,
    /// The same of the document that `last_good` was made from.
    pub(super) good: Option<[u8; 32]>,
    pub(super) last_good: Option<Arc<Rule>>,
    pub(super) refused: Option<DocumentError>,
}

/// What a document compiles to; none without a document.
pub(crate) type Compiled = Option<Result<Arc<Rule>, DocumentError>>;

/// Compiles a document. Runs users' code, so never under the store's lock; what it does wrong concerns its own flag
/// only, a panic included.
pub(super) fn compile(text: Option<&[u8]>, declaration: &Declaration) -> Compiled {
    let text = text?;
    let compiled = catch_unwind(|| Rule::compile(text, declaration.is_switch(), declaration.decode()).map(Arc::new));
    Some(compiled.unwrap_or_else(|_| Err(DocumentError::mismatch("reading `value` as the flag's type panicked"))))
}

impl FlagState {
    pub(super) fn slot(&mut self, origin: Origin) -> &mut Slot {
        match origin {
            Origin::Source => &mut self.source,
            Origin::OverrideFile => &mut self.override_file,
        }
    }

    /// The override file stands above a provider and the source; a refused document there without a good one before does not
    /// count.
    pub(super) fn published(&self) -> Option<Published> {
        let of = |origin, slot: &Slot| {
            let (rule, refused) = (slot.last_good.clone(), slot.refused.clone());
            Published { origin, rule, refused, ..Published::NOTHING }
        };
        let published = if self.override_file.last_good.is_some() {
            of(Origin::OverrideFile, &self.override_file)
        } else if self.is_outage {
            Published { is_outage: true, provided: self.provided.clone(), ..Published::NOTHING }
        } else {
            Published { provided: self.provided.clone(), ..of(Origin::Source, &self.source) }
        };
        published.is_something().then_some(published)
    }
}

impl Slot {
    /// Takes what a document compiled to; gives back the rule that is replaced, to be dropped without the lock.
    pub(super) fn replace(&mut self, sha256: Option<[u8; 32]>, compiled: Compiled) -> Option<Arc<Rule>> {
        self.sha256 = sha256;
        if !matches!(compiled, Some(Err(_))) {
            self.good = sha256;
        }
        match compiled {
            None => {
                self.refused = None;
                self.last_good.take()
            }
            Some(Ok(rule)) => {
                self.refused = None;
                self.last_good.replace(rule)
            }
            Some(Err(error)) => {
                self.refused = Some(error);
                None
            }
        }
    }
}
