//! Sentinel: asks the sentinels of a primary where it is now.
//!
//! All are asked at the same time and the newest word counts: a sentinel behind a partition goes on naming the old
//! primary, with the older epoch.

use std::collections::HashMap;
use std::thread;

use redis::Value;

use super::deployment::Sentinels;
use super::endpoint::{Address, Endpoint};
use super::handshake;
use super::keys::Prefix;
use super::link::Link;
use crate::source::{SourceError, SourceErrorKind};

/// Connections to the sentinels, which are kept between questions.
pub(super) struct Council {
    sentinels: Sentinels,
    links: Vec<Option<Link>>,
}

/// What one sentinel says.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    /// Rises with every failover.
    epoch: u64,
    primary: Address,
}

impl Council {
    pub(super) fn new(sentinels: Sentinels) -> Self {
        let links = sentinels.members.iter().map(|_| None).collect();
        Self { sentinels, links }
    }

    /// Where the primary is, and how to log in there.
    ///
    /// # Errors
    ///
    /// Unreachable if no sentinel answers; a configuration error if those that answer do not know the name or refuse us.
    pub(super) fn primary(&mut self) -> Result<Endpoint, SourceError> {
        let Self { sentinels: Sentinels { members, name, node }, links } = self;
        let name: &str = name;
        let said: Vec<_> = thread::scope(|scope| {
            let ask = |(sentinel, link)| scope.spawn(move || ask(sentinel, link, name));
            let asked: Vec<_> = members.iter().zip(links).map(ask).collect();
            asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
        });
        let mut failure = SourceError::unreachable("no sentinel was asked");
        let mut newest: Option<Word> = None;
        for word in said {
            match word {
                Ok(word) if newest.as_ref().is_none_or(|newest| newest.epoch < word.epoch) => newest = Some(word),
                // What a person can mend is worth more than what passes.
                Err(error) if failure.kind() != SourceErrorKind::Configuration => failure = error,
                Ok(_) | Err(_) => {}
            }
        }
        newest.map(|word| node.at(word.primary)).ok_or(failure)
    }
}

fn ask(sentinel: &Endpoint, slot: &mut Option<Link>, name: &str) -> Result<Word, SourceError> {
    let place = sentinel.place();
    let about = |error: SourceError| SourceError::of_kind(error.kind(), format!("sentinel {place}")).with_source(error);
    let mut link = if let Some(link) = slot.take() {
        link
    } else {
        let mut link = Link::connect(sentinel, Prefix::default()).map_err(about)?;
        handshake::log_in(&mut link, sentinel).map_err(about)?;
        link
    };
    let reply = link.call(redis::cmd("SENTINEL").arg("MASTER").arg(name)).map_err(about)?;
    let word = read(&reply, name).map_err(about)?;
    *slot = Some(link);
    Ok(word)
}

fn read(reply: &Value, name: &str) -> Result<Word, SourceError> {
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    };
    let fields: HashMap<String, String> = match reply {
        Value::Map(fields) => fields.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect(),
        Value::Array(items) => {
            items.chunks_exact(2).filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?))).collect()
        }
        Value::ServerError(refused) => {
            let said = handshake::said(refused);
            return Err(if said.contains("No such master") {
                SourceError::configuration(format!("knows no primary `{name}`: check the name in the redis URL"))
            } else {
                SourceError::configuration(format!("refuses SENTINEL MASTER ({said})"))
            });
        }
        _ => HashMap::new(),
    };
    let word = || {
        let primary = Address::Tcp { host: fields.get("ip")?.clone(), port: fields.get("port")?.parse().ok()? };
        Some(Word { epoch: fields.get("config-epoch")?.parse().ok()?, primary })
    };
    word().ok_or_else(|| SourceError::unreachable("answered something else than where the primary is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<Value> {
        words.iter().map(|word| Value::BulkString(word.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_word_is_read_in_both_protocols() {
        let flat = texts(&["name", "x", "ip", "::1", "port", "7000", "flags", "master", "config-epoch", "12"]);
        let pairs = flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let expected = Word { epoch: 12, primary: Address::Tcp { host: "::1".to_owned(), port: 7000 } };
        for reply in [Value::Array(flat), Value::Map(pairs)] {
            assert_eq!(read(&reply, "x").ok().as_ref(), Some(&expected));
        }
        assert!(read(&Value::Array(texts(&["ip", "a", "port", "b"])), "x").is_err());
    }
}
