//! Connection: the commands of an administrator on one link, and what their replies mean.

use std::fmt;
use std::time::Duration;

use redis::{Cmd, ServerError, Value};

use super::audit::{AuditEntry, AuditNote};
use super::document::StoredDocument;
use super::error::AdminError;
use crate::source::SourceError;
use crate::source::redis::deployment::Deployment;
use crate::source::redis::handshake;
use crate::source::redis::keys::Prefix;
use crate::source::redis::link::REPLY;
use crate::source::redis::router::Router;

const WRITE: &str = include_str!("write.lua");
/// How long a write waits for a replica to say that it has it.
const REPLICA: Duration = Duration::from_secs(1);
/// How many entries of the trail are read at once.
const PAGE: usize = 100;

pub(super) struct Connection {
    router: Router,
    /// None until asked, and after a lost connection.
    acl_user: Option<String>,
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
        let deployment = Deployment::parse(url).map_err(AdminError::Settings)?;
        let mut connection = Self { router: Router::new(deployment, prefix.clone()), acl_user: None };
        connection.connected(&prefix.audit())?;
        Ok(connection)
    }

    pub(super) fn deployment(&self) -> &Deployment {
        self.router.deployment()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.router.is_cluster()
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Option<StoredDocument>, AdminError> {
        match self.call(key, redis::cmd("GET").arg(key))? {
            Value::BulkString(bytes) => Ok(Some(bytes.into())),
            Value::Nil => Ok(None),
            reply => Err(self.unexpected("GET", key, &reply)),
        }
    }

    /// The members of a sorted set, the lowest first.
    pub(super) fn members(&mut self, key: &str) -> Result<Vec<String>, AdminError> {
        match self.call(key, redis::cmd("ZRANGE").arg(key).arg(0).arg(-1))? {
            Value::Array(members) => Ok(members.into_iter().filter_map(text).collect()),
            Value::ServerError(refused) if refused.code() == "WRONGTYPE" => {
                Err(AdminError::NotResults { key: key.to_owned() })
            }
            reply => Err(self.unexpected("ZRANGE", key, &reply)),
        }
    }

    /// The members of a sorted set with their scores in whole numbers from 0, the lowest first.
    pub(super) fn scored(&mut self, key: &str) -> Result<Vec<(String, u64)>, AdminError> {
        match self.call(key, redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES"))? {
            Value::Array(members) => Ok(pairs(members)),
            Value::ServerError(refused) if refused.code() == "WRONGTYPE" => {
                Err(AdminError::NotResults { key: key.to_owned() })
            }
            reply => Err(self.unexpected("ZRANGE", key, &reply)),
        }
    }

    /// The texts at these keys that are there.
    pub(super) fn texts(&mut self, keys: &[String]) -> Result<Vec<Vec<u8>>, AdminError> {
        Ok(self.texts_of(keys)?.into_iter().flatten().collect())
    }

    /// The texts at these keys, in their order; none where there is none, or another type.
    pub(super) fn texts_of(&mut self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, AdminError> {
        let mut texts = Vec::new();
        for keys in keys.chunks(PAGE) {
            for value in self.router.texts(keys).map_err(|source| self.unusable(source))? {
                match value {
                    Value::BulkString(bytes) => texts.push(Some(bytes)),
                    Value::Nil => texts.push(None),
                    reply => return Err(self.unexpected("MGET", keys.first().map_or("", String::as_str), &reply)),
                }
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
        let acl_user = self.connected(key)?;
        command.arg(&note.by).arg(acl_user).arg(&note.via).arg(&note.why);
        let reply = self
            .router
            .call(key, &command, REPLY)
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

    /// How many replicas the server of a key has; none if the user may not ask.
    pub(super) fn replicas(&mut self, key: &str) -> Option<usize> {
        match self.call(key, &redis::cmd("ROLE")).ok()? {
            Value::Array(role) => match &role[..] {
                [Value::BulkString(role), _, Value::Array(replicas)] if role == b"master" => Some(replicas.len()),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many replicas have all that this connection wrote, once one has or the time is up.
    pub(super) fn wait_for_replica(&mut self, key: &str) -> Option<usize> {
        let milliseconds = u64::try_from(REPLICA.as_millis()).ok()?;
        match self.router.call(key, redis::cmd("WAIT").arg(1).arg(milliseconds), REPLICA + REPLY).ok()? {
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
            let page =
                match self.call(audit, redis::cmd("XREVRANGE").arg(audit).arg(&end).arg("-").arg("COUNT").arg(PAGE))? {
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

    /// All keys of a type that match a pattern, each once, sorted.
    pub(super) fn scan(&mut self, pattern: &str, of_type: &str) -> Result<Vec<String>, AdminError> {
        match self.router.scan(pattern, of_type).map_err(|source| self.unusable(source))? {
            Ok(keys) => Ok(keys),
            Err(refused) => Err(self.refused("SCAN", pattern, &refused)),
        }
    }

    /// Runs a command about one key that may be sent twice.
    fn call(&mut self, key: &str, command: &Cmd) -> Result<Value, AdminError> {
        self.router.call_again(key, command).map_err(|source| self.unusable(source))
    }

    /// Connects to the server of a key, and says as whom.
    fn connected(&mut self, key: &str) -> Result<&str, AdminError> {
        // Not every user may ask; the trail then says nothing rather than what the URL claims.
        let asked = match self.router.connect(key) {
            Ok(()) if self.acl_user.is_some() => Ok(None),
            Ok(()) => self.router.call_again(key, redis::cmd("ACL").arg("WHOAMI")).map(Some),
            Err(error) => Err(error),
        };
        match asked.map_err(|source| self.unusable(source))? {
            Some(Value::BulkString(user)) => self.acl_user = Some(String::from_utf8_lossy(&user).into_owned()),
            Some(_) => self.acl_user = Some(String::new()),
            None => {}
        }
        Ok(self.acl_user.as_deref().unwrap_or_default())
    }

    fn unusable(&self, source: SourceError) -> AdminError {
        AdminError::Connection { server: self.router.deployment().to_string(), source }
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
            "READONLY" => AdminError::ReadOnly { server: self.router.deployment().to_string() },
            "WRONGTYPE" => AdminError::NotADocument { key: key.to_owned() },
            "NOAUTH" | "WRONGPASS" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED" | "ASK" | "CROSSSLOT" => {
                match self.router.endpoint() {
                    Some(endpoint) => self.unusable(handshake::refusal(endpoint, command, refused)),
                    None => AdminError::Refused { command, said },
                }
            }
            _ => AdminError::Refused { command, said },
        }
    }
}

/// Members and scores: an array of two each in RESP3, one flat array before.
fn pairs(members: Vec<Value>) -> Vec<(String, u64)> {
    let mut flat = members.into_iter().flat_map(|member| match member {
        Value::Array(pair) => pair,
        single => vec![single],
    });
    let mut pairs = Vec::new();
    while let (Some(member), Some(score)) = (flat.next(), flat.next()) {
        let score = match score {
            Value::Double(score) => Some(score),
            score => text(score).and_then(|score| score.parse().ok()),
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        pairs.extend(text(member).zip(score.map(|score| score as u64)));
    }
    pairs
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
            .field("deployment", self.router.deployment())
            .field("is_connected", &self.router.is_connected())
            .field("acl_user", &self.acl_user)
            .finish_non_exhaustive()
    }
}
