//! Standing: which document of each flag is in force here, since when, and how much of that the fleet was told.

use std::collections::BTreeMap;

use crate::source::Since;

/// The documents of all flags, by key.
#[derive(Debug, Default)]
pub(crate) struct Standings(BTreeMap<&'static str, Standing>);

/// The document of one flag.
#[derive(Debug)]
struct Standing {
    document: Option<String>,
    /// Unix seconds.
    at: u64,
    /// The one that the fleet was told of last.
    told: Option<String>,
    is_news: bool,
}

impl Standings {
    /// Notes which documents are others than before, at this time in Unix seconds.
    pub(crate) fn note(&mut self, documents: impl IntoIterator<Item = (&'static str, Option<String>)>, now: u64) {
        for (key, document) in documents {
            // The declared default, with which a flag begins, is nothing to tell of.
            let begins = || Standing { document: None, at: now, told: None, is_news: false };
            let standing = self.0.entry(key).or_insert_with(begins);
            if standing.document != document {
                (standing.document, standing.at, standing.is_news) = (document, now, true);
            }
        }
    }

    /// What the fleet was not told yet.
    pub(crate) fn news(&self) -> Vec<Since<'_>> {
        let news = self.0.iter().filter(|(_, standing)| standing.is_news);
        news.map(|(key, Standing { document, told, at, .. })| {
            let before = if told == document { None } else { told.as_deref() };
            Since { key, document: document.as_deref(), before, at: *at }
        })
        .filter(|since| since.document.is_some() || since.before.is_some())
        .collect()
    }

    /// The fleet was told of all news.
    pub(crate) fn are_left(&mut self) {
        for standing in self.0.values_mut() {
            standing.told.clone_from(&standing.document);
            standing.is_news = false;
        }
    }

    /// What the fleet was told may be lost: all of it is news once more.
    pub(crate) fn are_lost(&mut self) {
        self.0.values_mut().for_each(|standing| standing.is_news = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes the document of `a`, tells of the news if anybody listens, and shows them.
    fn note(standings: &mut Standings, a: Option<&str>, at: u64, is_heard: bool) -> String {
        standings.note([("a", a.map(str::to_owned)), ("b", None)], at);
        let shown =
            |since: &Since<'_>| format!("{}: {:?} after {:?} at {}", since.key, since.document, since.before, since.at);
        let news: Vec<_> = standings.news().iter().map(shown).collect();
        if is_heard {
            standings.are_left();
        }
        news.join("; ").replace("Some(\"", "").replace("\")", "")
    }

    #[test]
    fn a_document_is_told_of_once_and_its_predecessor_goes_with_it() {
        let mut standings = Standings::default();
        let mut note = |a, at, is_heard| note(&mut standings, a, at, is_heard);
        assert_eq!(note(None, 1, true), "", "a default is no document");
        assert_eq!(note(Some("one"), 2, true), "a: one after None at 2");
        assert_eq!(note(Some("one"), 3, true), "");
        assert_eq!(note(Some("two"), 4, true), "a: two after one at 4");
        assert_eq!(note(None, 5, true), "a: None after two at 5");
    }

    #[test]
    fn what_nobody_heard_is_said_later_and_what_was_never_told_is_not_taken_back() {
        let mut standings = Standings::default();
        let mut note = |a, at, is_heard| note(&mut standings, a, at, is_heard);
        note(Some("one"), 1, true);
        note(Some("two"), 2, false);
        assert_eq!(note(Some("three"), 3, false), "a: three after one at 3");
        assert_eq!(note(Some("three"), 4, false), "a: three after one at 3");
        assert_eq!(note(Some("one"), 5, true), "a: one after None at 5", "it is there again");
    }

    #[test]
    fn a_fleet_that_lost_what_it_was_told_hears_it_again() {
        let mut standings = Standings::default();
        note(&mut standings, Some("one"), 2, true);
        standings.are_lost();
        assert_eq!(note(&mut standings, Some("one"), 9, true), "a: one after None at 2");
        standings.are_lost();
        assert_eq!(note(&mut standings, Some("two"), 9, true), "a: two after one at 9", "in case it is not lost");
    }
}
