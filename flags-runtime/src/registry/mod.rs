//! The registry: every flag of this binary.
//!
//! Flags come through `inventory`, so the registry is complete before `main` and needs no list. It is sorted, the same
//! on every run, and readable before and after start. A dependency that is never mentioned is not linked and registers
//! nothing: `use its_name as _;` mends that.

pub(crate) mod cell;
pub(crate) mod declaration;
#[cfg(feature = "introspect")]
pub mod introspect;
pub(crate) mod near;
pub(crate) mod records;

/// The atomics of the cell, in one place so that a model checker can stand in for them.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
}

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

#[cfg(feature = "openfeature")]
use crate::context::EvaluationContext;
#[cfg(feature = "openfeature")]
use crate::details::{AnyValue, EvaluationDetails};
pub use declaration::Declaration;
use declaration::{AnyFlag, FlagCore, Place, Registration};

/// Every flag of this binary, sorted by name, package, file and line.
#[derive(Debug)]
pub struct Registry {
    flags: Vec<RegisteredFlag>,
    /// Indices into `flags`, sorted by document key.
    by_key: Vec<usize>,
    duplicates: Vec<DuplicateName>,
}

/// One flag of the registry.
pub struct RegisteredFlag {
    declaration: &'static Declaration,
    #[cfg(feature = "openfeature")]
    any: &'static dyn AnyFlag,
    /// More than one if the same declaration was linked twice: all are published to.
    cores: Vec<&'static FlagCore>,
}

/// A name, or a document key, that two different declarations use.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DuplicateName {
    /// The declaration that sorts first.
    pub first: &'static Declaration,
    /// The other one.
    pub second: &'static Declaration,
}

/// The registry of this binary.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::of(inventory::iter::<Registration>().map(|registration| registration.0)))
}

impl Registry {
    fn of(linked: impl Iterator<Item = &'static dyn AnyFlag>) -> Self {
        let mut linked: Vec<_> = linked.collect();
        linked.sort_by_key(|flag| {
            let declared = flag.core().declaration;
            (declared.name(), declared.package(), declared.file(), declared.line(), declared.column())
        });
        let mut flags: Vec<RegisteredFlag> = Vec::with_capacity(linked.len());
        for flag in linked {
            let core = flag.core();
            match flags.last_mut() {
                Some(last) if last.declaration.is_same(core.declaration) => last.cores.push(core),
                _ => flags.push(RegisteredFlag {
                    declaration: core.declaration,
                    #[cfg(feature = "openfeature")]
                    any: flag,
                    cores: vec![core],
                }),
            }
        }
        let mut by_key: Vec<usize> = (0..flags.len()).collect();
        by_key.sort_by_key(|&index| flags[index].declaration.key());
        let duplicates = duplicates(&flags, &by_key);
        Self { flags, by_key, duplicates }
    }

    /// All flags, sorted.
    pub fn flags(&self) -> &[RegisteredFlag] {
        &self.flags
    }

    /// One flag by name.
    pub fn get(&self, name: &str) -> Option<&RegisteredFlag> {
        let at = self.flags.binary_search_by_key(&name, |flag| flag.declaration.name()).ok()?;
        self.flags.get(at)
    }

    /// One flag by the key of its document.
    pub(crate) fn by_key(&self, key: &str) -> Option<&RegisteredFlag> {
        let at = self.by_key.binary_search_by_key(&key, |&index| self.flags[index].declaration.key()).ok()?;
        self.flags.get(*self.by_key.get(at)?)
    }

    /// What was declared about the flags whose last day is over at `moment`, sorted by name.
    pub fn expired(&self, moment: SystemTime) -> Vec<&'static Declaration> {
        let declared = self.flags.iter().map(RegisteredFlag::declaration);
        declared.filter(|declaration| declaration.has_expired(moment)).collect()
    }

    /// Names and keys that two declarations use; `start()` refuses to run with any.
    pub fn duplicates(&self) -> &[DuplicateName] {
        &self.duplicates
    }
}

impl RegisteredFlag {
    /// What was declared.
    pub fn declaration(&self) -> &'static Declaration {
        self.declaration
    }

    /// Evaluates it as any read with details does, and lends what came of it.
    #[cfg(feature = "openfeature")]
    pub(crate) fn lend(&self, ctx: &EvaluationContext, borrow: &mut dyn FnMut(&EvaluationDetails<AnyValue<'_>>)) {
        self.any.lend(ctx, borrow);
    }

    pub(crate) fn cores(&self) -> &[&'static FlagCore] {
        &self.cores
    }

    /// How often a percentage or a list decided without a targeting key.
    pub(crate) fn missing_keys(&self) -> u64 {
        // Relaxed: a count that orders nothing.
        self.cores.iter().map(|core| core.missing_keys.load(std::sync::atomic::Ordering::Relaxed)).sum()
    }
}

impl fmt::Debug for RegisteredFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.declaration.fmt(f)
    }
}

fn duplicates(flags: &[RegisteredFlag], by_key: &[usize]) -> Vec<DuplicateName> {
    let declared = |index: usize| flags[index].declaration;
    let same_name = flags.windows(2).map(|pair| (pair[0].declaration, pair[1].declaration));
    let same_key = by_key.windows(2).map(|pair| (declared(pair[0]), declared(pair[1])));
    same_name
        .filter(|(first, second)| first.name() == second.name())
        .chain(same_key.filter(|(first, second)| first.key() == second.key() && first.name() != second.name()))
        .map(|(first, second)| DuplicateName { first, second })
        .collect()
}

impl fmt::Display for DuplicateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        let place = |declared: &Declaration| {
            let Place { package, version, file, line, column, .. } = declared.place();
            format!("{file}:{line}:{column} (package {package} {version})")
        };
        let (what, shared) = if first.name() == second.name() { ("flag", first.name()) } else { ("key", first.key()) };
        write!(f, "the {what} `{shared}` is declared twice: at {} and at {}; ", place(first), place(second))?;
        let is_one_package = first.package() == second.package() && first.package_version() != second.package_version();
        f.write_str(if is_one_package {
            "two versions of that package are linked: `cargo tree -d` shows why"
        } else {
            "rename one of them"
        })
    }
}

impl Error for DuplicateName {}

#[cfg(test)]
mod tests {
    use super::declaration::Metadata;
    use super::*;

    impl AnyFlag for FlagCore {
        fn core(&'static self) -> &'static FlagCore {
            self
        }

        #[cfg(feature = "openfeature")]
        fn lend(&'static self, _: &EvaluationContext, _: &mut dyn FnMut(&EvaluationDetails<AnyValue<'_>>)) {}
    }

    fn core(name: &'static str, key: &'static str, package: &'static str, line: u32) -> &'static dyn AnyFlag {
        let place = Place { package, version: "1.0.0", file: "src/lib.rs", line, ..Metadata::EMPTY.place };
        let meta = Metadata { name, key, place, ..Metadata::EMPTY };
        let declaration = Box::leak(Box::new(Declaration::new(meta, |_| Ok(None), || 0, &[])));
        Box::leak(Box::new(FlagCore::new(declaration)))
    }

    #[test]
    fn a_declaration_that_is_linked_twice_is_one_flag_with_two_cells() {
        let registry = Registry::of([core("b", "", "p", 1), core("a", "", "p", 9), core("b", "", "p", 1)].into_iter());
        let shown: Vec<_> =
            registry.flags().iter().map(|flag| (flag.declaration().name(), flag.cores().len())).collect();
        assert_eq!(shown, [("a", 1), ("b", 2)]);
        assert!(registry.duplicates().is_empty());
        assert_eq!(registry.by_key("b").unwrap().cores().len(), 2);
    }

    #[test]
    fn names_and_keys_that_two_declarations_share_are_duplicates() {
        let twice = Registry::of([core("a", "", "p", 1), core("a", "", "p", 2)].into_iter());
        assert_eq!(twice.duplicates().len(), 1);
        let other_package = Registry::of([core("a", "", "p", 1), core("a", "", "q", 1)].into_iter());
        assert!(other_package.duplicates()[0].to_string().contains("(package q 1.0.0)"));
        let keyed = Registry::of([core("a", "k", "p", 1), core("b", "k", "p", 2), core("c", "", "p", 3)].into_iter());
        assert_eq!(keyed.duplicates().len(), 1);
        assert!(keyed.duplicates()[0].to_string().contains("the key `k`"));
    }
}
