//! Outbox: where a process leaves its results in Redis, on a connection of its own.
//!
//! Below `<prefix without colon>-shadow:<key>` stands a sorted set of the processes with the time of their last word, and
//! beside it one document for each. All of it is gone a week after the last of them wrote. Every command may be run twice.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Cmd, cmd};

use super::endpoint::Endpoint;
use super::handshake;
use super::keys::Prefix;
use super::link::Link;
use crate::source::{Letter, Outbox, SourceError, SourceErrorKind};

/// How long results are kept after their process last wrote, in seconds.
const LIFETIME: u64 = 7 * 24 * 60 * 60;

pub(super) struct RedisOutbox {
    endpoint: Endpoint,
    prefix: Prefix,
    link: Option<Link>,
}

impl RedisOutbox {
    /// Connects when there is something to leave.
    pub(super) fn new(endpoint: Endpoint, prefix: Prefix) -> Self {
        Self { endpoint, prefix, link: None }
    }

    fn send(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
        let Letter { key, instance, document } = letter;
        let index = self.prefix.shadow(key);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.call(cmd("SET").arg(self.prefix.shadow_of(key, instance)).arg(document).arg("EX").arg(LIFETIME), "SET")?;
        self.call(cmd("ZADD").arg(&index).arg(now).arg(instance), "ZADD")?;
        let oldest = now.saturating_sub(LIFETIME);
        self.call(cmd("ZREMRANGEBYSCORE").arg(&index).arg("-inf").arg(oldest), "ZREMRANGEBYSCORE")?;
        self.call(cmd("EXPIRE").arg(&index).arg(LIFETIME), "EXPIRE")
    }

    fn call(&mut self, command: &Cmd, name: &'static str) -> Result<(), SourceError> {
        let Self { endpoint, prefix, link } = self;
        let link = if let Some(link) = link {
            link
        } else {
            let mut opened = Link::connect(endpoint, prefix.clone())?;
            handshake::log_in(&mut opened, endpoint)?;
            link.insert(opened)
        };
        let reply = link.call(command)?;
        handshake::expect_no_refusal(endpoint, name, &reply)
    }
}

impl Outbox for RedisOutbox {
    fn describe(&self) -> String {
        self.endpoint.to_string()
    }

    fn leave(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
        let was_connected = self.link.is_some();
        let mut left = self.send(letter);
        if left.as_ref().is_err_and(|error| error.kind() == SourceErrorKind::Unreachable) && was_connected {
            // Servers close connections that were idle for long: that is no news.
            self.link = None;
            left = self.send(letter);
        }
        // After an error nobody knows what the connection would answer next.
        left.inspect_err(|_| self.link = None)
    }
}
