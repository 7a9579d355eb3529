//! Connection: the commands of an administrator on one link, and what their replies mean.

use std::fmt;
use std::time::Duration;

use redis::{Cmd, ServerError, Value};

use super::audit::{AuditEntry, AuditNote};
use super::document::StoredDocument;
use super::error::AdminError;
use crate::source::SourceError;
use crate::source::redis::endpoint::Endpoint;
use crate::source::redis::handshake;
use crate::source::redis::keys::Prefix;
use crate::source::redis::link::{Link, REPLY};

const WRITE: &str = include_str!("write.lua");
/// How long a write waits for a replica to say that it has it.
const REPLICA: Duration = Duration::from_secs(1);
/// How many entries of the trail are read at once.
const PAGE: usize = 100;

pub(super) struct Connection {
    endpoint: Endpoint,
    prefix: Prefix,
    link: Option<Link>,
    acl_user: String,
}

/// One write, ready for the script.
pub(super) struct Write<'a> {
    pub(super) name: &'a str,
    pub(super) key: &'a str,
    pub(super) audit: &'a str,
    pub(super) expected: Option<&'a StoredDocument>,
    /// None deletes.
    pub(super) new: Option<&'a str>,
    pub(super) note: &'a AuditNote,
}

pub(super) enum Outcome {
    Written { at: String },
    Conflict(Option<StoredDocument>),
}

impl Connection {
    pub(super) fn open(url: &str, prefix: &Prefix) -> Result<Self, AdminError> {
        let endpoint = Endpoint::parse(url).map_err(AdminError::Settings)?;
        let mut connection = Self { endpoint, prefix: prefix.clone(), link: None, acl_user: String::new() };
        if let Err(source) = connection.connected() {
            return Err(connection.unusable(source));
        }
        Ok(connection)
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Option<StoredDocument>, AdminError> {
        match self.call(redis::cmd("GET").arg(key))? {
            Value::BulkString(bytes) => Ok(Some(bytes.into())),
            Value::Nil => Ok(None),
            reply => Err(self.unexpected("GET", key, &reply)),
        }
    }

    /// The members of a sorted set, the lowest first.
    pub(super) fn members(&mut self, key: &str) -> Result<Vec<String>, AdminError> {
        match self.call(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1))? {
            Value::Array(members) => Ok(members.into_iter().filter_map(text).collect()),
            Value::ServerError(refused) if refused.code() == "WRONGTYPE" => {
                Err(AdminError::NotResults { key: key.to_owned() })
            }
            reply => Err(self.unexpected("ZRANGE", key, &reply)),
        }
    }

    /// The texts at these keys that are there.
    pub(super) fn texts(&mut self, keys: &[String]) -> Result<Vec<Vec<u8>>, AdminError> {
        let mut texts = Vec::new();
        for keys in keys.chunks(PAGE) {
            match self.call(redis::cmd("MGET").arg(keys))? {
                Value::Array(values) => texts.extend(values.into_iter().filter_map(|value| match value {
                    Value::BulkString(bytes) => Some(bytes),
                    _ => None,
                })),
                reply => return Err(self.unexpected("MGET", keys.first().map_or("", String::as_str), &reply)),
            }
        }
        Ok(texts)
    }

    pub(super) fn write(&mut self, write: &Write<'_>) -> Result<Outcome, AdminError> {
        let Write { name, key, audit, expected, new, note } = write;
        let mut command = redis::cmd("EVAL");
        command.arg(WRITE).arg(2).arg(key).arg(audit);
        match expected {
            Some(expected) => command.arg("present").arg(expected.bytes()),
            None => command.arg("absent").arg(""),
        };
        match new {
            Some(new) => command.arg("set").arg(new),
            None => command.arg("delete").arg(""),
        };
        // Before the write is sent a failure is only that; from then on nobody knows.
        if let Err(source) = self.connected() {
            return Err(self.unusable(source));
        }
        command.arg(&note.by).arg(&self.acl_user).arg(&note.via).arg(&note.why);
        let reply = self
            .call_within(&command, REPLY)
            .map_err(|source| AdminError::Uncertain { name: (*name).to_owned(), source })?;
        match &reply {
            Value::Array(items) => match &items[..] {
                [Value::BulkString(outcome), Value::BulkString(at)] if outcome == b"written" => {
                    Ok(Outcome::Written { at: String::from_utf8_lossy(at).into_owned() })
                }
                [Value::BulkString(outcome), Value::BulkString(current)] if outcome == b"conflict" => {
                    Ok(Outcome::Conflict(Some(current.clone().into())))
                }
                [Value::BulkString(outcome), Value::Nil] if outcome == b"conflict" => Ok(Outcome::Conflict(None)),
                [Value::BulkString(outcome)] if outcome == b"no trail" => {
                    Err(AdminError::NotATrail { key: (*audit).to_owned() })
                }
                _ => Err(self.unexpected("EVAL", key, &reply)),
            },
            _ => Err(self.unexpected("EVAL", key, &reply)),
        }
    }

    /// How many replicas are connected; none if the user may not ask.
    pub(super) fn replicas(&mut self) -> Option<usize> {
        match self.call(&redis::cmd("ROLE")).ok()? {
            Value::Array(role) => match &role[..] {
                [Value::BulkString(role), _, Value::Array(replicas)] if role == b"master" => Some(replicas.len()),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many replicas have all that this connection wrote, once one has or the time is up.
    pub(super) fn wait_for_replica(&mut self) -> Option<usize> {
        let milliseconds = u64::try_from(REPLICA.as_millis()).ok()?;
        match self.call_within(redis::cmd("WAIT").arg(1).arg(milliseconds), REPLICA + REPLY).ok()? {
            Value::Int(replicas) => usize::try_from(replicas).ok(),
            _ => None,
        }
    }

    /// Reads the trail backwards, page by page, since a stream has no index of keys.
    pub(super) fn history(
        &mut self,
        audit: &str,
        key: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, AdminError> {
        let mut found = Vec::new();
        let mut end = "+".to_owned();
        while found.len() < limit {
            let page = match self.call(redis::cmd("XREVRANGE").arg(audit).arg(&end).arg("-").arg("COUNT").arg(PAGE))? {
                Value::Array(page) => page,
                Value::ServerError(refused) if refused.code() == "WRONGTYPE" => {
                    return Err(AdminError::NotATrail { key: audit.to_owned() });
                }
                reply => return Err(self.unexpected("XREVRANGE", audit, &reply)),
            };
            let is_last = page.len() < PAGE;
            let entries: Vec<_> = page.into_iter().filter_map(AuditEntry::read).collect();
            let Some(oldest) = entries.last() else { break };
            end = format!("({}", oldest.id);
            found.extend(entries.into_iter().filter(|entry| key.is_none_or(|key| entry.key == key)));
            if is_last {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn call(&mut self, command: &Cmd) -> Result<Value, AdminError> {
        self.call_within(command, REPLY).map_err(|source| self.unusable(source))
    }

    fn call_within(&mut self, command: &Cmd, silence: Duration) -> Result<Value, SourceError> {
        let reply = self.connected()?.call_within(command, silence);
        reply.inspect_err(|_| self.link = None)
    }

    fn connected(&mut self) -> Result<&mut Link, SourceError> {
        let Self { endpoint, prefix, link, acl_user } = self;
        if let Some(link) = link {
            return Ok(link);
        }
        let mut opened = Link::connect(endpoint, prefix.clone())?;
        handshake::log_in(&mut opened, endpoint)?;
        // Not every user may ask; the trail then says nothing rather than what the URL claims.
        *acl_user = match opened.call(redis::cmd("ACL").arg("WHOAMI"))? {
            Value::BulkString(user) => String::from_utf8_lossy(&user).into_owned(),
            _ => String::new(),
        };
        Ok(link.insert(opened))
    }

    fn unusable(&self, source: SourceError) -> AdminError {
        AdminError::Connection { server: self.endpoint.to_string(), source }
    }

    fn unexpected(&self, command: &'static str, key: &str, reply: &Value) -> AdminError {
        match reply {
            Value::ServerError(refused) => self.refused(command, key, refused),
            _ => AdminError::Refused { command, said: "a reply of another shape than documented".to_owned() },
        }
    }

    fn refused(&self, command: &'static str, key: &str, refused: &ServerError) -> AdminError {
        let said = handshake::said(refused);
        match refused.code() {
            "NOPERM" => AdminError::Forbidden { said },
            // What a command inside the script may not do has no code of its own on Redis 7.0.
            _ if said.contains("user executing the script") => AdminError::Forbidden { said },
            "READONLY" => AdminError::ReadOnly { server: self.endpoint.to_string() },
            "WRONGTYPE" => AdminError::NotADocument { key: key.to_owned() },
            "NOAUTH" | "WRONGPASS" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED" | "ASK" | "CROSSSLOT" => {
                self.unusable(handshake::refusal(&self.endpoint, command, refused))
            }
            _ => AdminError::Refused { command, said },
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("is_connected", &self.link.is_some())
            .field("acl_user", &self.acl_user)
            .finish_non_exhaustive()
    }
}
