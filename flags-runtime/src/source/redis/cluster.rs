//! Cluster: which primary holds which key.
//!
//! A key's slot is a checksum of it, or of what stands between its first braces; each primary serves some of the 16,384
//! slots. `CLUSTER SLOTS` tells which, on every server that has clusters.

use std::collections::BTreeSet;

use redis::Value;

use super::endpoint::Address;
use crate::source::SourceError;

const SLOTS: u16 = 16_384;

/// The slots of a cluster and who serves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// First and last slot, and the primary; sorted, without overlap.
    ranges: Vec<(u16, u16, Address)>,
}

/// Where a server sends us instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) to: Address,
    /// Only this once: the slot is on its way.
    pub(super) is_ask: bool,
}

/// The slot of a key.
pub(super) fn slot(key: &[u8]) -> u16 {
    let between_braces = || {
        let open = key.iter().position(|byte| *byte == b'{')? + 1;
        let length = key[open..].iter().position(|byte| *byte == b'}')?;
        (length > 0).then(|| &key[open..open + length])
    };
    crc16::State::<crc16::XMODEM>::calculate(between_braces().unwrap_or(key)) % SLOTS
}

impl SlotMap {
    /// Reads the answer to `CLUSTER SLOTS`. A node without a host of its own is where we asked.
    pub(super) fn read(reply: &Value, asked: &Address) -> Result<Self, SourceError> {
        let Value::Array(entries) = reply else {
            return Err(SourceError::unreachable("the server answered CLUSTER SLOTS with something else than slots"));
        };
        let mut ranges: Vec<_> = entries.iter().filter_map(|entry| range(entry, asked)).collect();
        ranges.sort_unstable();
        if ranges.is_empty() {
            return Err(SourceError::unreachable("no node of the cluster serves any slot yet"));
        }
        // Neighbours of one primary are one: a map then differs only if somebody serves other slots.
        let mut joined: Vec<(u16, u16, Address)> = Vec::new();
        for (first, last, primary) in ranges {
            match joined.last_mut() {
                Some((_, end, before)) if *before == primary && end.checked_add(1) == Some(first) => *end = last,
                _ => joined.push((first, last, primary)),
            }
        }
        Ok(Self { ranges: joined })
    }

    /// Who serves a slot; none if nobody does.
    pub(super) fn primary_of(&self, slot: u16) -> Option<&Address> {
        let after = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, primary) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(primary)
    }

    /// All who serve slots.
    pub(super) fn primaries(&self) -> BTreeSet<&Address> {
        self.ranges.iter().map(|(_, _, primary)| primary).collect()
    }
}

fn range(entry: &Value, asked: &Address) -> Option<(u16, u16, Address)> {
    let Value::Array(entry) = entry else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = &entry[..] else { return None };
    let [host, Value::Int(port), ..] = &primary[..] else { return None };
    let host = match host {
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) => host.clone(),
        _ => String::new(),
    };
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, at(&host, u16::try_from(*port).ok()?, asked)))
}

fn at(host: &str, port: u16, asked: &Address) -> Address {
    match asked {
        Address::Tcp { host: ours, .. } if host.is_empty() || host == "?" => Address::Tcp { host: ours.clone(), port },
        _ => Address::Tcp { host: host.to_owned(), port },
    }
}

impl Redirection {
    /// Reads `MOVED 3999 127.0.0.1:6381` and `ASK ..`; none for other replies.
    pub(super) fn read(reply: &Value, asked: &Address) -> Option<Self> {
        let Value::ServerError(refused) = reply else { return None };
        let is_ask = match refused.code() {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let (_, place) = refused.details()?.split_once(' ')?;
        let (host, port) = place.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { to: at(host, port.parse().ok()?, asked), is_ask })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    fn served(first: i64, last: i64, host: &str, port: i64) -> Value {
        let host = if host.is_empty() { Value::Nil } else { Value::BulkString(host.as_bytes().to_vec()) };
        let node = |host| Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node(host.clone()), node(host)])
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        // `CLUSTER KEYSLOT` of a real server says so.
        for (key, expected) in [("123456789", 12739), ("ff:new_checkout", 699), ("{user1000}.following", 3443), ("", 0)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"ff-audit:{ff:x}"), slot(b"ff:x"));
        assert_eq!(slot(b"a{}b"), crc16::State::<crc16::XMODEM>::calculate(b"a{}b") % SLOTS);
    }

    #[test]
    fn each_slot_is_at_the_primary_that_serves_it() {
        let reply = Value::Array(vec![
            served(8192, 16383, "b", 2),
            served(0, 100, "a", 1),
            served(101, 200, "a", 1),
            served(300, 300, "", 3),
        ]);
        let map = SlotMap::read(&reply, &address("asked", 9)).unwrap();
        for (slot, expected) in [
            (0, Some(("a", 1))),
            (200, Some(("a", 1))),
            (201, None),
            (300, Some(("asked", 3))),
            (16383, Some(("b", 2))),
        ] {
            assert_eq!(map.primary_of(slot), expected.map(|(host, port)| address(host, port)).as_ref(), "{slot}");
        }
        assert_eq!(map.primaries().len(), 3);
        assert_eq!(map.ranges.len(), 3);
        assert!(SlotMap::read(&Value::Array(Vec::new()), &address("asked", 9)).is_err());
    }
}
