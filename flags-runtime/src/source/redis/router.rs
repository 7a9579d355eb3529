//! Router: commands about one key each, sent to the server that holds the key.
//!
//! It connects when it is asked something, follows a cluster's redirections, and looks anew for a primary that is none any
//! more. Whether a command may be sent twice is up to who asks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use redis::{Cmd, Value};

use super::cluster::{Redirection, SlotMap, slot};
use super::deployment::{Deployment, Seeds};
use super::endpoint::{Address, Endpoint};
use super::handshake;
use super::keys::Prefix;
use super::link::{Link, REPLY};
use super::sentinel::Council;
use crate::source::{SourceError, SourceErrorKind};

/// How often a command is sent on before somebody must look at the cluster.
const HOPS: usize = 5;
/// How many commands are sent before their answers are read.
const PIPELINE: usize = 200;

pub(super) struct Router {
    deployment: Deployment,
    prefix: Prefix,
    /// Where everything is, unless it is a cluster; none until asked.
    primary: Option<Endpoint>,
    /// Where what is in a cluster; none until asked.
    slots: Option<SlotMap>,
    links: BTreeMap<Address, Link>,
}

impl Router {
    /// Connects when it is needed.
    pub(super) fn new(deployment: Deployment, prefix: Prefix) -> Self {
        Self { deployment, prefix, primary: None, slots: None, links: BTreeMap::new() }
    }

    pub(super) fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.deployment, Deployment::Cluster(_))
    }

    pub(super) fn is_connected(&self) -> bool {
        !self.links.is_empty()
    }

    /// How errors about the login are told.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.primary.as_ref().or_else(|| self.deployment.node())
    }

    /// Connects to the server of a key, if there is no connection yet; nothing is sent but the login.
    #[cfg(feature = "admin")]
    pub(super) fn connect(&mut self, key: &str) -> Result<(), SourceError> {
        let address = self.address_of(key)?;
        let connected = self.link(&address).map(drop);
        connected.inspect_err(|_| (self.primary, self.slots) = (None, None))
    }

    /// Sends a command about a key once, except where its server only says that another one has it. An error that the
    /// server answers is a value here.
    pub(super) fn call(&mut self, key: &str, command: &Cmd, silence: Duration) -> Result<Value, SourceError> {
        let mut address = self.address_of(key)?;
        let mut is_asking = false;
        for _ in 0..HOPS {
            let link = match self.link(&address) {
                Ok(link) => link,
                Err(error) => {
                    // It may have gone elsewhere since we were sent here.
                    (self.primary, self.slots) = (None, None);
                    return Err(error);
                }
            };
            let reply = if std::mem::take(&mut is_asking) {
                link.call(&redis::cmd("ASKING")).and_then(|_| link.call_within(command, silence))
            } else {
                link.call_within(command, silence)
            };
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    // After an error nobody knows what the connection would answer next, nor where the key is.
                    self.forget();
                    return Err(error);
                }
            };
            if let Some(Redirection { to, is_ask }) = Redirection::read(&reply, &address).filter(|_| self.is_cluster())
            {
                is_asking = is_ask;
                if !is_ask {
                    self.slots = None;
                }
                address = to;
            } else if is_readonly(&reply) && !matches!(self.deployment, Deployment::Single(_)) {
                // It was the primary when it was looked for.
                self.forget();
                address = self.address_of(key)?;
            } else {
                return Ok(reply);
            }
        }
        Err(SourceError::unreachable(format!("the cluster sends on a command for `{key}` again and again")))
    }

    /// The same for a command that may be sent twice: a connection that the server closed while it was idle is no news.
    pub(super) fn call_again(&mut self, key: &str, command: &Cmd) -> Result<Value, SourceError> {
        let was_connected = self.is_connected();
        match self.call(key, command, REPLY) {
            Err(error) if error.kind() == SourceErrorKind::Unreachable && was_connected => {
                self.call(key, command, REPLY)
            }
            reply => reply,
        }
    }

    /// The texts at keys, in their order; none where there is none, or no text. Keys may be anywhere.
    #[cfg(feature = "admin")]
    pub(super) fn texts(&mut self, keys: &[String]) -> Result<Vec<Value>, SourceError> {
        if !self.is_cluster() {
            let Some(first) = keys.first() else { return Ok(Vec::new()) };
            let reply = self.call_again(first, redis::cmd("MGET").arg(keys))?;
            return match reply {
                Value::Array(values) if values.len() == keys.len() => Ok(values),
                refused @ Value::ServerError(_) => Ok(vec![refused; keys.len()]),
                _ => Err(SourceError::unreachable("the server answered MGET with something else than documents")),
            };
        }
        let unreached = || SourceError::unreachable("a node of the cluster does not answer");
        self.each(keys, mget)?.into_iter().map(|reply| reply.map(only).ok_or_else(unreached)).collect()
    }

    /// The replies to one MGET a key, in the order of the keys; none where the server of a key does not answer.
    ///
    /// # Errors
    ///
    /// If no server answers.
    pub(super) fn reachable_texts(&mut self, keys: &[String]) -> Result<Vec<Option<Value>>, SourceError> {
        Ok(self.each(keys, mget)?.into_iter().map(|reply| reply.map(only)).collect())
    }

    /// The replies to one command a key, in the order of the keys, which may be anywhere; none where the server of a key
    /// does not answer, an error if none does. It may be sent twice.
    ///
    /// One slot is all that a command may touch, so most keys have one of their own: they share their ways instead.
    pub(super) fn each(
        &mut self,
        keys: &[String],
        command: impl Fn(&str) -> Cmd,
    ) -> Result<Vec<Option<Value>>, SourceError> {
        let mut by_address: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            by_address.entry(self.address_of(key)?).or_default().push(at);
        }
        let mut values = vec![None; keys.len()];
        let (mut is_any_there, mut failure) = (false, None);
        for (address, places) in by_address {
            let was_connected = self.links.contains_key(&address);
            let mut replies = self.each_at(&address, keys, &places, &command);
            if replies.is_err() && was_connected {
                // A connection that the server closed while it was idle is no news.
                self.links.remove(&address);
                replies = self.each_at(&address, keys, &places, &command);
            }
            match replies {
                Ok(replies) => {
                    is_any_there = true;
                    for (at, reply) in places.into_iter().zip(replies) {
                        values[at] = Some(reply);
                    }
                }
                Err(error) => {
                    self.links.remove(&address);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if !is_any_there => {
                self.forget();
                Err(error)
            }
            Some(_) => {
                // Its slots may be somebody else's by now.
                self.slots = None;
                Ok(values)
            }
            None => Ok(values),
        }
    }

    /// The replies about those of the keys that are at an address.
    fn each_at(
        &mut self,
        address: &Address,
        keys: &[String],
        places: &[usize],
        command: &impl Fn(&str) -> Cmd,
    ) -> Result<Vec<Value>, SourceError> {
        let mut replies = Vec::with_capacity(places.len());
        for places in places.chunks(PIPELINE) {
            let commands: Vec<_> = places.iter().map(|at| command(&keys[*at])).collect();
            for (at, reply) in places.iter().zip(self.link(address)?.call_all(&commands)?) {
                replies.push(match Redirection::read(&reply, address) {
                    // It moves while we ask.
                    Some(_) => self.call(&keys[*at], &command(&keys[*at]), REPLY)?,
                    None => reply,
                });
            }
        }
        Ok(replies)
    }

    /// All keys of a type that match a pattern, at all primaries, each once, sorted.
    #[cfg(feature = "admin")]
    pub(super) fn scan(
        &mut self,
        pattern: &str,
        of_type: &str,
    ) -> Result<Result<Vec<String>, redis::ServerError>, SourceError> {
        let addresses: Vec<Address> = if self.is_cluster() {
            // As they are now: a primary that was not there before has keys too.
            self.look_at_slots()?.primaries().into_iter().cloned().collect()
        } else {
            vec![self.address_of("")?]
        };
        let mut found = std::collections::BTreeSet::new();
        for address in addresses {
            let mut cursor = b"0".to_vec();
            loop {
                let mut command = redis::cmd("SCAN");
                command.arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000).arg("TYPE").arg(of_type);
                let reply = self.link(&address)?.call(&command);
                let items = match reply {
                    Ok(Value::Array(items)) => items,
                    Ok(Value::ServerError(refused)) => return Ok(Err(refused)),
                    Ok(_) => return Err(SourceError::unreachable("the server answered SCAN with something else")),
                    Err(error) => {
                        self.forget();
                        return Err(error);
                    }
                };
                let [Value::BulkString(next), Value::Array(keys)] = &items[..] else {
                    return Err(SourceError::unreachable("the server answered SCAN with something else than keys"));
                };
                found.extend(keys.iter().filter_map(|key| match key {
                    Value::BulkString(key) => String::from_utf8(key.clone()).ok(),
                    _ => None,
                }));
                cursor.clone_from(next);
                if cursor == b"0" {
                    break;
                }
            }
        }
        Ok(Ok(found.into_iter().collect()))
    }

    /// The slots of the cluster as they are now.
    pub(super) fn look_at_slots(&mut self) -> Result<SlotMap, SourceError> {
        let Deployment::Cluster(Seeds(seeds)) = &self.deployment else {
            return Err(SourceError::configuration("the server is no cluster"));
        };
        let seeds = seeds.clone();
        // Those that are connected know as much as the seeds, and a seed may be gone for good.
        let mut known: Vec<Address> = self.links.keys().cloned().collect();
        known.extend(seeds.iter().map(|seed| seed.address.clone()).filter(|seed| !self.links.contains_key(seed)));
        let mut failure = SourceError::configuration("the redis URL names no node of the cluster");
        for address in known {
            let asked = self.link(&address).and_then(|link| link.call(redis::cmd("CLUSTER").arg("SLOTS")));
            let read = asked.and_then(|reply| match &reply {
                Value::ServerError(refused) => {
                    let said = handshake::said(refused);
                    Err(SourceError::configuration(match refused.code() {
                        "NOPERM" => format!(
                            "the server does not let this user run CLUSTER SLOTS ({said}): extend the user's ACL"
                        ),
                        _ => format!("the server refuses CLUSTER SLOTS ({said}): without a cluster write `redis://`"),
                    }))
                }
                reply => SlotMap::read(reply, &address),
            });
            match read {
                Ok(slots) => return Ok(slots),
                Err(error) => {
                    self.links.remove(&address);
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    fn slots(&mut self) -> Result<&SlotMap, SourceError> {
        if self.slots.is_none() {
            self.slots = Some(self.look_at_slots()?);
        }
        self.slots.as_ref().ok_or_else(|| SourceError::unreachable("the slots are not known"))
    }

    fn address_of(&mut self, key: &str) -> Result<Address, SourceError> {
        if let Some(primary) = &self.primary {
            return Ok(primary.address.clone());
        }
        let primary = match &self.deployment {
            Deployment::Single(endpoint) => endpoint.clone(),
            Deployment::Sentinel(sentinels) => Council::new(sentinels.clone()).primary()?,
            Deployment::Cluster(_) => {
                let slot = slot(key.as_bytes());
                return self.slots()?.primary_of(slot).cloned().ok_or_else(|| {
                    SourceError::unreachable(format!("no node of the cluster serves the slot of `{key}` ({slot})"))
                });
            }
        };
        Ok(self.primary.insert(primary).address.clone())
    }

    fn link(&mut self, address: &Address) -> Result<&mut Link, SourceError> {
        match self.links.entry(address.clone()) {
            Entry::Occupied(link) => Ok(link.into_mut()),
            Entry::Vacant(place) => {
                let endpoint = match (&self.primary, &self.deployment) {
                    (Some(primary), _) => primary.clone(),
                    (None, Deployment::Single(endpoint)) => endpoint.clone(),
                    (None, Deployment::Sentinel(sentinels)) => sentinels.node.at(address.clone()),
                    (None, Deployment::Cluster(Seeds(seeds))) => match seeds.first() {
                        Some(seed) => seed.at(address.clone()),
                        None => return Err(SourceError::configuration("the redis URL names no node of the cluster")),
                    },
                };
                let mut link = Link::connect(&endpoint, self.prefix.clone())?;
                handshake::log_in(&mut link, &endpoint)?;
                Ok(place.insert(link))
            }
        }
    }

    /// Drops what is known and connected: the next command looks anew.
    pub(super) fn forget(&mut self) {
        self.links.clear();
        (self.primary, self.slots) = (None, None);
    }
}

fn is_readonly(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(refused) if refused.code() == "READONLY")
}

fn mget(key: &str) -> Cmd {
    let mut command = redis::cmd("MGET");
    command.arg(key);
    command
}

/// The only element of an answer, or what stands in its place.
fn only(reply: Value) -> Value {
    match reply {
        Value::Array(mut values) if values.len() == 1 => values.remove(0),
        other => other,
    }
}
