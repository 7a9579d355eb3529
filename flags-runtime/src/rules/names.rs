//! Names: a set of user or group names, packed.
//!
//! All names lie in one piece of memory, and a table beside it knows where: looking one up touches a place of each, however long the
//! list is, and a name costs 13 bytes beside its own. Whole names are compared: a hash alone would sooner or later grant by collision.

use std::fmt;
use std::hash::Hasher as _;

use rustc_hash::FxHasher;

use super::document::MAX_BYTES;

/// A set of names.
#[derive(Clone)]
pub(crate) struct Names {
    /// Each name behind its length.
    bytes: Box<[u8]>,
    /// Open addressing: a name's slot is the first one from where its hash says that was free.
    slots: Box<[Slot]>,
    len: usize,
}

/// Where a name lies, and half of its hash: nearly always enough to tell others from it.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    at: u32,
}

impl Slot {
    /// No name lies there: a document is far shorter.
    const FREE: Self = Self { tag: 0, at: u32::MAX };
}

/// A length of so many bytes or more stands behind this, in four bytes.
const LONG: u8 = u8::MAX;

impl Names {
    /// The names of a list; repeated ones count once.
    pub(crate) fn of<N: AsRef<str>>(list: &[N]) -> Self {
        // At most two thirds are taken, so that a free one is never far.
        let slots = if list.is_empty() { 0 } else { list.len() + list.len() / 2 + 1 };
        let mut names = Self { bytes: Box::default(), slots: vec![Slot::FREE; slots].into(), len: 0 };
        let mut bytes = Vec::with_capacity(list.iter().map(|name| name.as_ref().len() + 1).sum());
        for name in list {
            let name = name.as_ref().as_bytes();
            let hash = hash(name);
            if let Err(free) = names.find(hash, name, &bytes) {
                names.slots[free] = Slot { tag: tag(hash), at: short(bytes.len()) };
                push(&mut bytes, name);
                names.len += 1;
            }
        }
        names.bytes = bytes.into();
        names
    }

    /// Whether the name is one of them.
    #[inline]
    pub(crate) fn contains(&self, name: &str) -> bool {
        let name = name.as_bytes();
        !self.is_empty() && self.find(hash(name), name, &self.bytes).is_ok()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot of a name; else the free one in which it would lie. There are slots, and never are all taken.
    #[inline]
    fn find(&self, hash: u64, name: &[u8], bytes: &[u8]) -> Result<usize, usize> {
        let mut at = first(hash, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot.at == Slot::FREE.at {
                return Err(at);
            }
            if slot.tag == tag(hash) && name_at(bytes, slot.at) == name {
                return Ok(at);
            }
            at += 1;
            if at == self.slots.len() {
                at = 0;
            }
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.slots.iter().filter(|slot| slot.at != Slot::FREE.at);
        f.debug_set().entries(taken.map(|slot| String::from_utf8_lossy(name_at(&self.bytes, slot.at)))).finish()
    }
}

/// A place or a length among the names of a document, which is far from 4 GiB also with a byte beside each name.
#[allow(clippy::cast_possible_truncation, reason = "see the assertion")]
fn short(length: usize) -> u32 {
    const { assert!(2 * MAX_BYTES < u32::MAX as usize) };
    length as u32
}

fn push(bytes: &mut Vec<u8>, name: &[u8]) {
    match u8::try_from(name.len()) {
        Ok(length) if length < LONG => bytes.push(length),
        _ => {
            bytes.push(LONG);
            bytes.extend_from_slice(&short(name.len()).to_ne_bytes());
        }
    }
    bytes.extend_from_slice(name);
}

#[inline]
fn name_at(bytes: &[u8], at: u32) -> &[u8] {
    let rest = &bytes[at as usize..];
    if rest[0] < LONG { &rest[1..][..usize::from(rest[0])] } else { long_name(&rest[1..]) }
}

#[cold]
fn long_name(rest: &[u8]) -> &[u8] {
    let (length, rest) = rest.split_at(size_of::<u32>());
    let mut number = [0; size_of::<u32>()];
    number.copy_from_slice(length);
    &rest[..u32::from_ne_bytes(number) as usize]
}

#[inline]
fn hash(name: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    hasher.finish()
}

/// The half that does not say where to begin.
#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where to begin among so many: the other half, scaled down.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the lower half, and below a length")]
fn first(hash: u64, slots: usize) -> usize {
    ((u64::from(hash as u32) * slots as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_set_is_that_of_std() {
        for length in [0, 1, 2, 3, 5, 11, 12, 13, 100, 1000, 20_000] {
            // Some twice, and of all lengths.
            let list: Vec<String> = (0..length).map(|n| "é".repeat(n % 150) + &(n / 3 * 7).to_string()).collect();
            let expected: HashSet<&str> = list.iter().map(String::as_str).collect();
            let names = Names::of(&list);
            assert_eq!((names.len(), names.is_empty()), (expected.len(), expected.is_empty()));
            for name in &list {
                assert!(names.contains(name), "{name} of {length}");
                let others = [format!("{name}0"), format!("0{name}"), name[..name.len() - 1].to_owned()];
                for other in others {
                    assert_eq!(names.contains(&other), expected.contains(&*other), "{other} of {length}");
                }
            }
            assert!(!names.contains(""));
        }
        assert!(Names::of(&[""]).contains(""));
        assert!(!Names::of::<&str>(&[]).contains(""));
    }

    #[test]
    fn names_of_the_same_hash_are_told_apart() {
        let names = Names { bytes: Names::of(&["one", "two"]).bytes, slots: vec![Slot::FREE; 4].into(), len: 2 };
        let mut slots = names.slots.clone();
        let (one, hash) = (b"one", hash(b"one"));
        let start = names.find(hash, one, &names.bytes).unwrap_err();
        // Both lie where "one" belongs, with its tag, "two" first.
        slots[start] = Slot { tag: tag(hash), at: 4 };
        slots[(start + 1) % 4] = Slot { tag: tag(hash), at: 0 };
        let names = Names { slots, ..names };
        assert_eq!(names.find(hash, one, &names.bytes), Ok((start + 1) % 4));
        assert_eq!(format!("{:?}", Names::of(&["one"])), r#"{"one"}"#);
    }
}
