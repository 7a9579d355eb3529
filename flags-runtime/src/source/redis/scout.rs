//! Scout: a thread that looks every few seconds whether we still talk to the right server.
//!
//! A link to a server that is no longer the one to ask may stay healthy for ever: an old primary behind a partition, the
//! machine that a host name used to mean, a node whose slots went elsewhere. Looking for that may block, and whoever
//! waits for changes must not.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::deployment::Sentinels;
use super::endpoint::{Address, Endpoint};
use super::sentinel::Council;
use crate::random;
use crate::source::SourceError;

/// A scout under way; dropping it calls it back without waiting for it.
pub(super) struct Scout {
    found: Arc<Mutex<Found>>,
    _call_back: Sender<()>,
}

#[derive(Debug, Default)]
struct Found {
    /// Where we should be instead, for people.
    moved: Option<String>,
    /// Why it cannot be found out.
    trouble: Option<String>,
}

/// The longest times between two looks; jittered, so that a fleet does not ask at once. A failover is rare and urgent, a
/// resolver is asked by everybody.
const SENTINELS: Duration = Duration::from_secs(2);
const NAME: Duration = Duration::from_secs(10);

impl Scout {
    /// Sends one out; it looks until it finds that we should be elsewhere, which is what `look` says if it is so.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn send_out(
        pause: Duration,
        mut look: impl FnMut() -> Result<Option<String>, SourceError> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let found = Arc::new(Mutex::new(Found::default()));
        let shared = Arc::clone(&found);
        let (call_back, called_back) = channel();
        let patrol = move || {
            loop {
                let jittered = pause.mul_f64(0.5 + random::share() / 2.0);
                if called_back.recv_timeout(jittered) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let seen = look();
                let mut found = shared.lock().unwrap_or_else(PoisonError::into_inner);
                match seen {
                    Ok(None) => found.trouble = None,
                    Ok(moved) => {
                        found.moved = moved;
                        return;
                    }
                    Err(error) => found.trouble = Some(error.in_one_line()),
                }
            }
        };
        thread::Builder::new()
            .name("flags-scout".to_owned())
            .spawn(patrol)
            .map_err(|error| SourceError::unreachable("no thread could be started").with_source(error))?;
        Ok(Self { found, _call_back: call_back })
    }

    /// Looks whether sentinels name another primary.
    pub(super) fn of_sentinels(sentinels: Sentinels, primary: Address) -> Result<Self, SourceError> {
        let mut council = Council::new(sentinels);
        Self::send_out(SENTINELS, move || {
            let named = council.primary()?.address;
            Ok((named != primary).then(|| format!("the sentinels name another primary: {named} instead of {primary}")))
        })
    }

    /// Looks whether a host name means another machine; none where there is no name, or nothing to compare.
    pub(super) fn of_name(endpoint: &Endpoint, peer: Option<IpAddr>) -> Result<Option<Self>, SourceError> {
        let (Address::Tcp { host, port }, Some(peer)) = (&endpoint.address, peer) else { return Ok(None) };
        if host.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let (host, port) = (host.clone(), *port);
        Self::send_out(NAME, move || {
            let addresses = (host.as_str(), port).to_socket_addrs().map_err(|error| {
                SourceError::unreachable(format!("the host name `{host}` cannot be resolved")).with_source(error)
            })?;
            let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            let is_left = !addresses.is_empty() && !addresses.contains(&peer);
            Ok(is_left.then(|| format!("the host name `{host}` does not mean {peer} any more")))
        })
        .map(Some)
    }

    /// Why the connection is to be given up, if it is.
    pub(super) fn moved(&self) -> Option<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).moved.clone()
    }

    /// Why nobody knows whether it is.
    pub(super) fn trouble(&self) -> Option<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use std::time::Instant;

    use super::*;

    fn finds(scout: &Scout, seen: impl Fn(&Scout) -> Option<String>) -> String {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(seen) = seen(scout) {
                return seen;
            }
            assert!(Instant::now() < give_up, "the scout finds nothing");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn endpoint(host: &str) -> Endpoint {
        let address = Address::Tcp { host: host.to_owned(), port: 6379 };
        Endpoint { address, credentials: None, database: 0, tls: None }
    }

    #[test]
    fn a_host_name_that_means_another_machine_is_noticed() {
        let elsewhere = Some([203, 0, 113, 7].into());
        let scout = Scout::of_name(&endpoint("localhost"), elsewhere).unwrap().unwrap();
        assert_eq!(finds(&scout, Scout::moved), "the host name `localhost` does not mean 203.0.113.7 any more");
        assert!(Scout::of_name(&endpoint("203.0.113.8"), elsewhere).unwrap().is_none());
    }

    #[test]
    fn a_host_name_that_stays_or_cannot_be_resolved_is_no_reason_to_leave() {
        let here = Some([127, 0, 0, 1].into());
        let scout = Scout::of_name(&endpoint("no-such-host.invalid"), here).unwrap().unwrap();
        assert!(finds(&scout, Scout::trouble).contains("`no-such-host.invalid` cannot be resolved"));
        assert_eq!(scout.moved(), None);
        let (looked, looks) = channel();
        let scout = Scout::send_out(SENTINELS, move || {
            let _ = looked.send(());
            Ok(None)
        })
        .unwrap();
        assert!(
            looks.recv_timeout(Duration::from_secs(20)).is_ok() && looks.recv_timeout(Duration::from_secs(20)).is_ok()
        );
        assert_eq!((scout.moved(), scout.trouble()), (None, None));
        drop(scout);
        // The closure goes when its thread does.
        while looks.recv_timeout(Duration::from_secs(20)).is_ok() {}
    }
}
