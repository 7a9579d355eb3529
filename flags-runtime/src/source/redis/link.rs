//! Link: one connection to a Redis server, with the pushes that come between its replies.
//!
//! It guarantees that no push is lost, that a frame which arrives in pieces is read on where it stopped, and that a
//! server which hangs, or a peer that vanished without a word, is noticed within three seconds. It does not reconnect:
//! after an error its owner drops it and opens another.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use redis::{Cmd, Parser, PushKind, Value};

use super::changes::Changes;
use super::endpoint::Endpoint;
use super::keys::Prefix;
use super::stream::Stream;
use crate::source::{Change, SourceError};

/// How long a reply may stay away, counted anew from every byte that arrives: a document of 50 MB is slow, not dead.
pub(super) const REPLY: Duration = Duration::from_secs(1);
/// How long a link may be silent before it is asked for a sign of life. With [`REPLY`] a hang is noticed within 3 s,
/// and some of that is left for the thread that waits.
const SILENCE: Duration = Duration::from_millis(1800);

pub(super) struct Link {
    stream: Stream,
    parser: Parser,
    prefix: Prefix,
    changes: Changes,
    last_heard: Instant,
    /// When the PING was sent whose answer has not come.
    ping_sent: Option<Instant>,
}

impl Link {
    /// Connects; says nothing to the server yet. `prefix` tells our keys among those that are pushed.
    pub(super) fn connect(endpoint: &Endpoint, prefix: Prefix) -> Result<Self, SourceError> {
        Stream::connect(&endpoint.address)
            .and_then(|stream| stream.set_write_limit(REPLY).map(|()| stream))
            .map_err(|error| SourceError::unreachable("cannot connect").with_source(error))
            .map(|stream| Self {
                stream,
                parser: Parser::new(),
                prefix,
                changes: Changes::default(),
                last_heard: Instant::now(),
                ping_sent: None,
            })
    }

    /// Sends one command and reads its reply. An error that the server answers is a value here.
    pub(super) fn call(&mut self, command: &Cmd) -> Result<Value, SourceError> {
        self.call_within(command, REPLY)
    }

    /// The same for a command whose answer may stay away for longer, since it waits at the server.
    pub(super) fn call_within(&mut self, command: &Cmd, silence: Duration) -> Result<Value, SourceError> {
        self.limit_reads(silence)?;
        self.send(command)?;
        loop {
            match self.read(None)? {
                Some(Value::Push { kind, data }) => self.record(&kind, &data),
                // Replies come in the order of their commands: this one is the answer to a PING.
                Some(_) if self.ping_sent.is_some() => self.ping_sent = None,
                Some(reply) => return Ok(reply),
                None => {
                    return Err(SourceError::unreachable(format!(
                        "the server did not answer within {} ms",
                        silence.as_millis()
                    )));
                }
            }
        }
    }

    /// Waits at most `timeout` for a push; returns at once with those that came before.
    pub(super) fn wait(&mut self, timeout: Duration) -> Result<Change, SourceError> {
        let until = Instant::now() + timeout;
        while self.changes.is_empty() {
            let now = Instant::now();
            if now >= until {
                return Ok(Change::Nothing);
            }
            let next_look = self.next_look();
            if now >= next_look {
                self.look_for_life()?;
                continue;
            }
            let until = until.min(next_look);
            self.limit_reads(until - now)?;
            if let Some(value) = self.read(Some(until))? {
                self.take_in(value)?;
            }
        }
        // What one writer does in a burst arrives as several pushes; taking them together saves reads.
        self.drain()?;
        Ok(self.changes.take())
    }

    /// When silence has to be asked about, or given up on.
    fn next_look(&self) -> Instant {
        match self.ping_sent {
            Some(sent) => sent.max(self.last_heard) + REPLY,
            None => self.last_heard + SILENCE,
        }
    }

    fn look_for_life(&mut self) -> Result<(), SourceError> {
        // This thread may have been away for long: what came meanwhile counts as a sign of life.
        let heard_before = self.last_heard;
        self.drain()?;
        if self.last_heard > heard_before {
            return Ok(());
        }
        if self.ping_sent.is_some() {
            return Err(SourceError::unreachable("the server hangs: it does not answer a PING"));
        }
        self.limit_reads(REPLY)?;
        self.send(&redis::cmd("PING"))?;
        self.ping_sent = Some(Instant::now());
        Ok(())
    }

    /// Takes in all that has arrived, without waiting.
    fn drain(&mut self) -> Result<(), SourceError> {
        self.limit_reads(Duration::ZERO)?;
        while let Some(value) = self.read(None)? {
            self.take_in(value)?;
        }
        Ok(())
    }

    fn take_in(&mut self, value: Value) -> Result<(), SourceError> {
        match value {
            Value::Push { kind, data } => self.record(&kind, &data),
            // Any answer to a PING will do, a refusal too: it is the sign of life that was asked for.
            _ if self.ping_sent.is_some() => self.ping_sent = None,
            _ => return Err(SourceError::unreachable("the server sent a reply that nobody asked for")),
        }
        Ok(())
    }

    fn record(&mut self, kind: &PushKind, data: &[Value]) {
        self.changes.record(&self.prefix, kind, data);
    }

    /// Only with a limit of reads above zero: a stream whose reads do not block does not block in writes either.
    fn send(&mut self, command: &Cmd) -> Result<(), SourceError> {
        let packed = command.get_packed_command();
        self.stream.write_all(&packed).map_err(lost)
    }

    fn limit_reads(&self, limit: Duration) -> Result<(), SourceError> {
        self.stream.set_read_limit(limit).map_err(lost)
    }

    /// The next value, or none when nothing came within the limit of reads, or not enough of it until `until`.
    fn read(&mut self, until: Option<Instant>) -> Result<Option<Value>, SourceError> {
        let mut inlet = Inlet {
            stream: &mut self.stream,
            last_heard: &mut self.last_heard,
            until,
            failure: None,
            is_closed: false,
        };
        let parsed = self.parser.parse_value(&mut inlet);
        let Inlet { failure, is_closed, .. } = inlet;
        match (parsed, failure) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(_), Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)) => Ok(None),
            (Err(error), Some(_)) => Err(lost(error)),
            (Err(_), None) if is_closed => Err(SourceError::unreachable("the server closed the connection")),
            (Err(error), None) => {
                Err(SourceError::unreachable("the server does not speak the redis protocol").with_source(error))
            }
        }
    }
}

fn lost(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::unreachable("the connection is lost").with_source(error)
}

/// The stream as the parser sees it. It notes what the parser does not tell apart: silence, an end, a failure.
struct Inlet<'a> {
    stream: &'a mut Stream,
    last_heard: &'a mut Instant,
    until: Option<Instant>,
    failure: Option<io::ErrorKind>,
    is_closed: bool,
}

impl Read for Inlet<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            // Without this a peer that sends byte after byte would keep the caller for as long as it likes.
            if self.until.is_some_and(|until| Instant::now() >= until) {
                break Err(io::ErrorKind::TimedOut.into());
            }
            match self.stream.read(buffer) {
                // A signal ends a limited read early, whatever the handler's flags.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match &result {
            Ok(0) => self.is_closed = true,
            Ok(_) => *self.last_heard = Instant::now(),
            Err(error) => self.failure = Some(error.kind()),
        }
        result
    }
}
