//! The rule: a document compiled for one flag's type, and what is published of it to the flag's cell.

use std::sync::Arc;

use super::document::{Document, DocumentError, shown};
use super::targeting::Targeting;
use crate::provider::{Answer, Provided};
use crate::value::{CompiledValue, Decode};

/// A document in the type of its flag. Immutable.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) targeting: Targeting,
    /// The document's value; none if it is null.
    pub(crate) value: Option<CompiledValue>,
    /// Fields that mean nothing to this version, for people: most often misspelt ones.
    pub(crate) unknown_fields: Vec<String>,
    is_switch: bool,
}

/// What a flag's reads go by when they cannot be settled.
#[derive(Debug)]
#[doc(hidden)]
pub struct Published {
    /// What views that began earlier still go by, the oldest first.
    pub(crate) earlier: Vec<Earlier>,
    pub(crate) origin: Origin,
    /// The last good one; none if every document so far was refused.
    pub(crate) rule: Option<Arc<Rule>>,
    /// Why the document that is there now was refused.
    pub(crate) refused: Option<DocumentError>,
    /// Whether the source has been away for too long, so that its document does not count.
    pub(crate) is_outage: bool,
    /// Who decides in the place of the rule; none unless a provider does.
    pub(crate) provided: Option<Provided>,
}

/// What was in force of a flag before.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    /// The number of the epoch that began when it was replaced.
    pub(crate) until: u64,
    /// None if nothing was.
    pub(crate) published: Option<Arc<Published>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Source,
    OverrideFile,
}

/// What everybody gets.
#[derive(Debug)]
pub(crate) enum ForEverybody<'p> {
    /// The declared default.
    Default,
    Value(&'p CompiledValue),
    /// It depends on who asks.
    Nothing,
}

impl Rule {
    /// Compiles a document's text for a flag; `is_switch` and `decode` are its type's.
    pub(crate) fn compile(text: &[u8], is_switch: bool, decode: Decode) -> Result<Self, DocumentError> {
        let document = Document::parse(text)?;
        let value = match document.value {
            None => None,
            Some(value) => decode(value.get())
                .map_err(|why| DocumentError::mismatch(format!("`value` {} {why}", shown(value.get()))))?,
        };
        let targeting = Targeting::compile(&document);
        let unknown_fields =
            document.unknown_fields.iter().map(|name| shown(&name.escape_debug().to_string())).collect();
        Ok(Self { targeting, value, unknown_fields, is_switch })
    }

    /// What "on" means; none is the declared default.
    #[inline]
    pub(crate) fn on_value(&self) -> Option<&CompiledValue> {
        if self.is_switch { Some(&CompiledValue::Bits(1)) } else { self.value.as_ref() }
    }
}

impl Published {
    /// No document, and none before.
    pub(crate) const NOTHING: Self = Self {
        earlier: Vec::new(),
        origin: Origin::Source,
        rule: None,
        refused: None,
        is_outage: false,
        provided: None,
    };

    /// The same without what was before.
    pub(crate) fn alone(&self) -> Self {
        let Self { earlier: _, origin, rule, refused, is_outage, provided } = self;
        Self {
            earlier: Vec::new(),
            origin: *origin,
            rule: rule.clone(),
            refused: refused.clone(),
            is_outage: *is_outage,
            provided: provided.clone(),
        }
    }

    /// Whether there is a document, or one that does not count.
    pub(crate) fn has_document(&self) -> bool {
        self.rule.is_some() || self.refused.is_some() || self.is_outage
    }

    /// Whether anything is in force but the declared default.
    pub(crate) fn is_something(&self) -> bool {
        self.has_document() || self.provided.is_some()
    }

    /// What a provider answers everybody, if one does and knows the flag.
    #[inline]
    pub(crate) fn settled_answer(&self) -> Option<&Answer> {
        let answer = self.provided.as_ref()?.settled.as_deref()?;
        (!answer.is_not_found()).then_some(answer)
    }

    /// What it answers everybody, whatever was before.
    #[inline]
    pub(crate) fn for_everybody(&self, is_switch: bool) -> ForEverybody<'_> {
        if let Some(provided) = &self.provided {
            let Some(answer) = &provided.settled else { return ForEverybody::Nothing };
            match &answer.value {
                // The document decides.
                None if answer.is_not_found() => {}
                None => return ForEverybody::Default,
                Some(value) => return ForEverybody::Value(value),
            }
        }
        let Some(rule) = &self.rule else { return ForEverybody::Default };
        match (rule.targeting.answer_for_everybody(), rule.on_value()) {
            (None, _) => ForEverybody::Nothing,
            (Some(true), Some(value)) => ForEverybody::Value(value),
            (Some(false), _) if is_switch => ForEverybody::Value(&CompiledValue::Bits(0)),
            (Some(true), None) | (Some(false), _) => ForEverybody::Default,
        }
    }

    /// The rule, if nothing but it and who asks decides, in whatever view.
    #[inline]
    pub(crate) fn rule_alone(&self) -> Option<&Arc<Rule>> {
        self.rule.as_ref().filter(|_| self.provided.is_none() && self.earlier.is_empty())
    }

    /// What everybody gets, in whatever view, of a flag that is no switch; none if that is the default, or depends on who asks.
    #[inline]
    pub(crate) fn shared_value(&self) -> Option<&CompiledValue> {
        match self.for_everybody(false) {
            ForEverybody::Value(value) if self.earlier.is_empty() => Some(value),
            ForEverybody::Value(_) | ForEverybody::Default | ForEverybody::Nothing => None,
        }
    }

    /// Whether it says `"enabled": false`, which holds in open views too.
    pub(crate) fn is_kill(&self) -> bool {
        match &self.provided {
            Some(Provided { settled: None, .. }) => return false,
            Some(Provided { settled: Some(answer), .. }) if !answer.is_not_found() => return answer.is_kill(),
            Some(_) | None => {}
        }
        self.rule.as_ref().is_some_and(|rule| !rule.targeting.is_enabled)
    }

    /// The value that a reader borrows.
    #[inline]
    pub(crate) fn on_value(&self) -> Option<&CompiledValue> {
        match self.settled_answer() {
            Some(answer) => answer.value.as_ref(),
            None => self.rule.as_deref()?.on_value(),
        }
    }
}
