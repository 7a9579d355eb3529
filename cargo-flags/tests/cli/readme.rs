//! The commands that documents print: each has a verb that is there, and options that it takes.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{cargo_flags, repository, run};

/// Every `cargo flags VERB ..` of a text, up to the end of its code.
fn commands(text: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (_, rest) in text.match_indices("cargo flags ").map(|(at, begin)| text.split_at(at + begin.len())) {
        let end = rest.find(['`', '\n', '|', '>', '#', ')']).unwrap_or(rest.len());
        let words: Vec<_> =
            rest[..end].split_whitespace().map(|word| word.trim_matches(['\'', '"', ',']).to_owned()).collect();
        // `cargo flags ..` speaks of all of them.
        if words.first().is_some_and(|verb| verb.chars().all(|c| c.is_ascii_lowercase())) {
            found.insert(words);
        }
    }
    found
}

#[test]
fn every_command_that_a_document_prints_has_words_that_the_command_knows() {
    let mut verbs = BTreeSet::new();
    for document in ["README.md", "CHANGELOG.md", "docs/FORMAT.md", "docs/ARCHITECTURE.md", "examples/flag-audit.yml"] {
        let text = fs::read_to_string(repository(document)).unwrap();
        for words in commands(&text) {
            let options = words.iter().take_while(|word| *word != "--").filter(|word| word.starts_with("--"));
            // One at a time: a value that is missing would be told before the next option.
            for option in options.map(String::as_str).chain(["--help"]) {
                let said = run(cargo_flags().args([&words[0], option.split('=').next().unwrap(), "--help"]));
                let is_unknown = said.stderr.contains("unexpected argument") || said.stderr.contains("unrecognized");
                assert!(!is_unknown, "{document}: cargo flags {}: {}", words.join(" "), said.stderr);
            }
            verbs.insert(words[0].clone());
        }
    }
    assert!(verbs.len() > 15 && verbs.contains("audit"), "{verbs:?}");
}
