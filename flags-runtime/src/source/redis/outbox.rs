//! Outbox: where a process leaves its results in Redis, on a connection of its own.
//!
//! Below `<prefix without colon>-shadow:<key>` stands a sorted set of the processes with the time of their last word, and
//! beside it one document for each. All of it is gone a week after the last of them wrote. Every command may be run twice.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Cmd, cmd};

use super::deployment::Deployment;
use super::handshake;
use super::keys::Prefix;
use super::router::Router;
use crate::source::{Letter, Outbox, SourceError};

/// How long results are kept after their process last wrote, in seconds.
const LIFETIME: u64 = 7 * 24 * 60 * 60;

pub(super) struct RedisOutbox {
    router: Router,
    prefix: Prefix,
}

impl RedisOutbox {
    /// Connects when there is something to leave.
    pub(super) fn new(deployment: Deployment, prefix: Prefix) -> Self {
        Self { router: Router::new(deployment, prefix.clone()), prefix }
    }

    fn send(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
        let Letter { key, instance, document } = letter;
        let index = self.prefix.shadow(key);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let own = self.prefix.shadow_of(key, instance);
        self.call(&own, cmd("SET").arg(&own).arg(document).arg("EX").arg(LIFETIME), "SET")?;
        self.call(&index, cmd("ZADD").arg(&index).arg(now).arg(instance), "ZADD")?;
        let oldest = now.saturating_sub(LIFETIME);
        self.call(&index, cmd("ZREMRANGEBYSCORE").arg(&index).arg("-inf").arg(oldest), "ZREMRANGEBYSCORE")?;
        self.call(&index, cmd("EXPIRE").arg(&index).arg(LIFETIME), "EXPIRE")
    }

    /// Runs a command about one key. After a connection that the server closed while it was idle it is sent again.
    fn call(&mut self, key: &str, command: &Cmd, name: &'static str) -> Result<(), SourceError> {
        let reply = self.router.call_again(key, command)?;
        match self.router.endpoint() {
            Some(endpoint) => handshake::expect_no_refusal(endpoint, name, &reply),
            None => Ok(()),
        }
    }
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
