//! Kinds of findings: what each is called, what it takes to see it, and what to do about it.

use std::fmt;

use clap::ValueEnum;

/// What can be wrong with a flag; the worst first, which is the order in which findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Kind {
    /// What the code declares and what runs do not fit: services refuse the document, an override file answers, or builds
    /// differ about the flag
    Drift,
    /// The document is one that services in other languages fail on, or decide otherwise by
    Unshareable,
    /// A percentage or a list decides for nobody: reads without a targeting key
    NoContext,
    /// The last day of the flag is over
    Expired,
    /// Nobody evaluated the flag for --silent days, although processes that report have it
    Silent,
    /// No `flag!` reads it
    Unused,
    /// On for everybody or off for everybody, for longer than --rolled-out days, and no provider decides it
    FullyRolledOut,
    /// A document that no flag reads
    Undeclared,
    /// Declared more than --old days ago
    Old,
    /// The last day of the flag is within --expiring days
    Expiring,
    /// No document, and no provider that decides it: everybody gets the declared default
    Undocumented,
    /// No `owner` is declared
    NoOwner,
    /// Declared never to expire, and neither `kind = ops` nor `kind = permission`
    NeverExpires,
}

/// What a kind is seen by, beside the declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// The places that read flags, which only files tell.
    CallSites,
    /// What a server knows.
    Evidence,
    /// A date of declaration: `created`, or what git tells.
    Ages,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Drift,
        Self::Unshareable,
        Self::NoContext,
        Self::Expired,
        Self::Silent,
        Self::Unused,
        Self::FullyRolledOut,
        Self::Undeclared,
        Self::Old,
        Self::Expiring,
        Self::Undocumented,
        Self::NoOwner,
        Self::NeverExpires,
    ];

    /// The word for it, in options and files.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Unshareable => "unshareable",
            Self::NoContext => "no-context",
            Self::Expired => "expired",
            Self::Silent => "silent",
            Self::Unused => "unused",
            Self::FullyRolledOut => "fully-rolled-out",
            Self::Undeclared => "undeclared",
            Self::Old => "old",
            Self::Expiring => "expiring",
            Self::Undocumented => "undocumented",
            Self::NoOwner => "no-owner",
            Self::NeverExpires => "never-expires",
        }
    }

    pub(crate) fn needs(self) -> Needs {
        match self {
            Self::Expired | Self::Expiring | Self::NoOwner | Self::NeverExpires => Needs::Nothing,
            Self::Unused => Needs::CallSites,
            Self::Old => Needs::Ages,
            Self::Drift
            | Self::Unshareable
            | Self::NoContext
            | Self::Silent
            | Self::FullyRolledOut
            | Self::Undeclared
            | Self::Undocumented => Needs::Evidence,
        }
    }

    /// What it means, as one sentence without its end.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Drift => "what the code declares and what runs do not fit",
            Self::Unshareable => "services in other languages fail on the document, or decide otherwise by it",
            Self::NoContext => "a percentage or a list decides for nobody: reads without a targeting key",
            Self::Expired => "the last day of the flag is over",
            Self::Silent => "nobody evaluates the flag, although processes that report have it",
            Self::Unused => "no `flag!` reads it",
            Self::FullyRolledOut => "on for everybody or off for everybody, for long",
            Self::Undeclared => "a document that no flag reads",
            Self::Old => "declared long ago",
            Self::Expiring => "the last day of the flag is near",
            Self::Undocumented => "no document: everybody gets the declared default",
            Self::NoOwner => "no owner is declared",
            Self::NeverExpires => "declared never to expire, and no `kind` that is meant to stay",
        }
    }

    /// Whether a machine that reads findings is to show it as a warning; else as a note.
    pub(crate) fn is_warning(self) -> bool {
        self < Self::Expiring
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_list_in_order_and_the_command_line_takes_its_word() {
        assert_eq!(Kind::value_variants(), Kind::ALL);
        assert!(Kind::ALL.is_sorted());
        for kind in Kind::ALL {
            assert_eq!(Kind::from_str(kind.word(), false), Ok(kind));
        }
    }
}
