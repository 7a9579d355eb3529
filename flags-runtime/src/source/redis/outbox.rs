//! Outbox: where a process leaves what it tells of itself in Redis, on a connection of its own.
//!
//! Dark-launch results stand below `<prefix without colon>-shadow:<key>`, the rest below `-meta:`: beside each kind of
//! documents a sorted set of them, by the time of the last word in Unix seconds. All of it goes away by itself. Every
//! command names one key and may be run twice.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Cmd, Value, cmd};

use super::deployment::Deployment;
use super::handshake;
use super::keys::Prefix;
use super::router::Router;
use crate::source::{Letter, Outbox, Since, SourceError};

const DAY: u64 = 24 * 60 * 60;
/// How long results are kept after their process last wrote, in seconds.
const RESULTS: u64 = 7 * DAY;
/// How long a process counts as alive after its last heartbeat: two that come late at the longest are no death.
const HEARTBEAT: u64 = 150;
/// How long it is listed at most. Only documents expire by the server's clock, and clocks of processes differ.
const LISTED: u64 = DAY;
/// How long builds, and times of flags' last evaluations, are kept.
const KEPT: u64 = 400 * DAY;
/// How many times one command carries.
const CHUNK: usize = 500;

pub(super) struct RedisOutbox {
    router: Router,
    prefix: Prefix,
    /// Servers before Redis 6.2 cannot keep the later one of two times by themselves.
    keeps_later: bool,
}

impl RedisOutbox {
    /// Connects when there is something to leave.
    pub(super) fn new(deployment: Deployment, prefix: Prefix) -> Self {
        Self { router: Router::new(deployment, prefix.clone()), prefix, keeps_later: true }
    }

    fn send(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // The list first in each: a user without any of these rights is told so once, in one sentence.
        match letter {
            Letter::Shadow { key, instance, document } => {
                let (index, own) = (self.prefix.shadow(key), self.prefix.shadow_of(key, instance));
                self.list(&index, instance, now)?;
                self.call("SET", &own, |set| set.arg(document).arg("EX").arg(RESULTS))?;
                self.trim(&index, now, RESULTS)
            }
            Letter::Heartbeat { instance, document } => {
                let (index, own) = (self.prefix.instances(), self.prefix.instance(instance));
                self.list(&index, instance, now)?;
                self.call("SET", &own, |set| set.arg(document).arg("EX").arg(HEARTBEAT))?;
                self.trim(&index, now, LISTED)
            }
            Letter::Farewell { instance } => {
                let (index, own) = (self.prefix.instances(), self.prefix.instance(instance));
                self.call("DEL", &own, |del| del)?;
                self.call("ZREM", &index, |zrem| zrem.arg(instance)).map(drop)
            }
            Letter::Build { build, document } => {
                let (index, own) = (self.prefix.builds(), self.prefix.build(build));
                self.list(&index, build, now)?;
                // Every process of a build says the same, and it may be long.
                if self.call("EXPIRE", &own, |expire| expire.arg(KEPT))? == Value::Int(0) {
                    self.call("SET", &own, |set| set.arg(document).arg("EX").arg(KEPT))?;
                }
                self.trim(&index, now, KEPT)
            }
            Letter::Seen { flags } => {
                let index = self.prefix.seen();
                for chunk in flags.chunks(CHUNK) {
                    self.mark_seen(&index, chunk)?;
                }
                self.trim(&index, now, KEPT)
            }
            Letter::Since { documents } => {
                let index = self.prefix.since();
                for chunk in documents.chunks(CHUNK) {
                    self.mark_since(&index, chunk)?;
                }
                // Not trimmed: members are as old as the documents, and who sees a document go takes its member along.
                self.call("EXPIRE", &index, |expire| expire.arg(KEPT)).map(drop)
            }
        }
    }

    fn list(&mut self, index: &str, member: &str, now: u64) -> Result<(), SourceError> {
        self.call("ZADD", index, |zadd| zadd.arg(now).arg(member)).map(drop)
    }

    /// Takes what is older than `kept` seconds off a list, and lets the list go when nobody writes it any more.
    fn trim(&mut self, index: &str, now: u64, kept: u64) -> Result<(), SourceError> {
        let oldest = now.saturating_sub(kept);
        self.call("ZREMRANGEBYSCORE", index, |remove| remove.arg("-inf").arg(oldest))?;
        self.call("EXPIRE", index, |expire| expire.arg(kept)).map(drop)
    }

    fn mark_seen(&mut self, index: &str, flags: &[(&str, u64)]) -> Result<(), SourceError> {
        let add = |zadd: &mut Cmd| {
            for (key, at) in flags {
                zadd.arg(at).arg(key);
            }
        };
        if self.keeps_later {
            let reply = self.reply(
                index,
                &on("ZADD", index, |zadd| {
                    add(zadd.arg("GT"));
                    zadd
                }),
            )?;
            match &reply {
                Value::ServerError(refused) if refused.code() == "ERR" => self.keeps_later = false,
                reply => return self.expect_no_refusal("ZADD", index, reply),
            }
        }
        self.call("ZADD", index, |zadd| {
            add(zadd);
            zadd
        })
        .map(drop)
    }

    /// The first process that has a document notes since when. A member goes with its document, so that one which comes
    /// back later begins anew.
    fn mark_since(&mut self, index: &str, documents: &[Since<'_>]) -> Result<(), SourceError> {
        let new = documents.iter().filter_map(|since| Some((since.at, member(since.key, since.document?))));
        let new: Vec<_> = new.collect();
        if !new.is_empty() {
            self.call("ZADD", index, |zadd| {
                new.iter().fold(zadd.arg("NX"), |zadd, (at, member)| zadd.arg(at).arg(member))
            })?;
        }
        let gone: Vec<_> = documents.iter().filter_map(|since| Some(member(since.key, since.before?))).collect();
        if !gone.is_empty() {
            self.call("ZREM", index, |zrem| zrem.arg(&gone))?;
        }
        Ok(())
    }

    /// Runs a command on one key; a refusal is an error.
    fn call(
        &mut self,
        name: &'static str,
        key: &str,
        arguments: impl FnOnce(&mut Cmd) -> &mut Cmd,
    ) -> Result<Value, SourceError> {
        let reply = self.reply(key, &on(name, key, arguments))?;
        self.expect_no_refusal(name, key, &reply).map(|()| reply)
    }

    fn reply(&mut self, key: &str, command: &Cmd) -> Result<Value, SourceError> {
        self.router.call_again(key, command)
    }

    fn expect_no_refusal(&self, name: &'static str, key: &str, reply: &Value) -> Result<(), SourceError> {
        match reply {
            Value::ServerError(refused) if refused.code() == "WRONGTYPE" => Err(SourceError::configuration(format!(
                "the redis key `{key}` holds another type than what processes leave there: rename or delete that key"
            ))),
            reply => match self.router.endpoint() {
                Some(endpoint) => handshake::expect_no_refusal(endpoint, name, reply),
                None => Ok(()),
            },
        }
    }
}

/// A document of a flag, as it is listed: the hash first, whose length is fixed, and then the key.
fn member(key: &str, document: &str) -> String {
    format!("{document}:{key}")
}

/// A command whose first argument is its only key.
fn on(name: &'static str, key: &str, arguments: impl FnOnce(&mut Cmd) -> &mut Cmd) -> Cmd {
    let mut command = cmd(name);
    arguments(command.arg(key));
    command
}

impl Outbox for RedisOutbox {
    fn describe(&self) -> String {
        self.router.deployment().to_string()
    }

    fn leave(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
        // After an error nobody knows what the connection would answer next.
        self.send(letter).inspect_err(|_| self.router.forget())
    }
}
