//! Home: the one server that all documents are at, alone or as the primary that sentinels name.

use std::time::{Duration, Instant};

use redis::Value;

use super::deployment::{Deployment, Seeds};
use super::endpoint::Endpoint;
use super::handshake;
use super::keys::Prefix;
use super::link::Link;
use super::scout::Scout;
use super::sentinel::Council;
use crate::source::{Change, SourceError};

/// A server, and whether it still is what it was.
pub(super) struct Home {
    pub(super) link: Link,
    pub(super) endpoint: Endpoint,
    scout: Option<Scout>,
    role: Role,
    asked_at: Instant,
    /// Sentinels promise a primary; a URL may name a replica on purpose.
    must_be_primary: bool,
}

/// What a server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Primary,
    Replica {
        is_connected: bool,
    },
    /// We may not ask.
    Unknown,
}

/// How long an answer to ROLE counts.
const FRESH: Duration = Duration::from_secs(2);

impl Home {
    /// Finds it, logs in and asks for pushes; also why there are none, if so.
    pub(super) fn open(deployment: &Deployment, prefix: &Prefix) -> Result<(Self, Option<String>), SourceError> {
        let endpoint = match deployment {
            Deployment::Single(endpoint) => endpoint.clone(),
            Deployment::Sentinel(sentinels) => Council::new(sentinels.clone()).primary()?,
            Deployment::Cluster(Seeds(_)) => return Err(SourceError::configuration("a cluster has no single home")),
        };
        let (mut link, polling_reason) = open_link(&endpoint, prefix)?;
        let scout = match deployment {
            Deployment::Sentinel(sentinels) => Some(Scout::of_sentinels(sentinels.clone(), endpoint.address.clone())?),
            _ => Scout::of_name(&endpoint, link.peer().map(|peer| peer.ip()))?,
        };
        let must_be_primary = matches!(deployment, Deployment::Sentinel(_));
        let role = role(&mut link)?;
        let home = Self { link, endpoint, scout, role, asked_at: Instant::now(), must_be_primary };
        home.check(role)?;
        Ok((home, polling_reason))
    }

    /// Asks again what the server is, unless that is known.
    ///
    /// # Errors
    ///
    /// If it was a primary and is one no more: the documents are elsewhere.
    pub(super) fn check_role(&mut self) -> Result<(), SourceError> {
        if self.role == Role::Unknown || self.asked_at.elapsed() < FRESH {
            return Ok(());
        }
        let now = role(&mut self.link)?;
        self.check(now)?;
        (self.role, self.asked_at) = (now, Instant::now());
        Ok(())
    }

    fn check(&self, now: Role) -> Result<(), SourceError> {
        let is_replica = matches!(now, Role::Replica { .. });
        if is_replica && (self.must_be_primary || self.role == Role::Primary) {
            let address = &self.endpoint.address;
            return Err(SourceError::unreachable(format!("{address} is a replica now, and not the primary")));
        }
        Ok(())
    }

    pub(super) fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        if let Some(moved) = self.scout.as_ref().and_then(Scout::moved) {
            return Err(SourceError::unreachable(moved));
        }
        self.link.wait(timeout)
    }

    /// What somebody should know although there are answers.
    pub(super) fn trouble(&self) -> Option<String> {
        if self.role == (Role::Replica { is_connected: false }) {
            return Some("the server is a replica that has lost its primary: its documents may be old".to_owned());
        }
        self.scout.as_ref().and_then(Scout::trouble)
    }
}

/// A link that is logged in and tracks the prefix, and why it has no pushes, if so.
pub(super) fn open_link(endpoint: &Endpoint, prefix: &Prefix) -> Result<(Link, Option<String>), SourceError> {
    let mut link = Link::connect(endpoint, prefix.clone())?;
    let polling_reason = match handshake::log_in(&mut link, endpoint)? {
        // Tracking on a RESP2 link is answered with OK and never delivered.
        Some(reason) => Some(reason),
        None => handshake::track(&mut link, prefix)?,
    };
    Ok((link, polling_reason))
}

fn role(link: &mut Link) -> Result<Role, SourceError> {
    let Value::Array(reply) = link.call(&redis::cmd("ROLE"))? else { return Ok(Role::Unknown) };
    Ok(match &reply[..] {
        [Value::BulkString(role), ..] if role == b"master" => Role::Primary,
        [Value::BulkString(role), _, _, Value::BulkString(state), ..] if role == b"slave" => {
            Role::Replica { is_connected: state == b"connected" }
        }
        _ => Role::Unknown,
    })
}
