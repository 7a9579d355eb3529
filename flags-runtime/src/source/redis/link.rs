//! Link: one connection to a Redis server, with the pushes that come between its replies.
//!
//! It guarantees that no push is lost, that a frame which arrives in pieces is read on where it stopped, and that a
//! server which hangs, or a peer that vanished without a word, is noticed within three seconds. It does not reconnect:
//! after an error its owner drops it and opens another.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use redis::{Cmd, Parser, PushKind, Value};

use super::changes::Changes;
use super::endpoint::Endpoint;
use super::keys::Prefix;
use super::stream::Stream;
use super::tls;
use crate::source::{Change, SourceError};

/// How long a reply may stay away, counted anew from every byte that arrives: a document of 50 MB is slow, not dead.
pub(super) const REPLY: Duration = Duration::from_secs(1);
/// How long a link may be silent before it is asked for a sign of life. With [`REPLY`] a hang is noticed within 3 s,
/// and some of that is left for the thread that waits.
const SILENCE: Duration = Duration::from_millis(1800);
/// How long a reply may take in all beyond a second for each megabyte: a server that drips is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Link {
    stream: Stream,
    parser: Parser,
    prefix: Prefix,
    changes: Changes,
    last_heard: Instant,
    /// When the PING was sent whose answer has not come.
    ping_sent: Option<Instant>,
    /// How many bytes have come in all.
    heard: u64,
}

impl Link {
    /// Connects; says nothing to the server yet. `prefix` tells our keys among those that are pushed.
    pub(super) fn connect(endpoint: &Endpoint, prefix: Prefix) -> Result<Self, SourceError> {
        Ok(Self {
            stream: Stream::connect(endpoint, REPLY)?,
            parser: Parser::new(),
            prefix,
            changes: Changes::default(),
            last_heard: Instant::now(),
            ping_sent: None,
            heard: 0,
        })
    }

    /// The server's address; none for a unix socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer()
    }

    /// When the server was last heard of.
    pub(super) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Sends one command and reads its reply. An error that the server answers is a value here.
    pub(super) fn call(&mut self, command: &Cmd) -> Result<Value, SourceError> {
        self.call_within(command, REPLY)
    }

    /// The same for a command whose answer may stay away for longer, since it waits at the server.
    pub(super) fn call_within(&mut self, command: &Cmd, silence: Duration) -> Result<Value, SourceError> {
        self.limit_reads(silence)?;
        self.send(command)?;
        self.reply(silence)
    }

    /// The next reply; pushes before it are kept.
    fn reply(&mut self, silence: Duration) -> Result<Value, SourceError> {
        let begin = (Instant::now() + silence, self.heard);
        loop {
            match self.read(Until::Crawling(begin))? {
                Some(Value::Push { kind, data }) => self.record(&kind, &data),
                // Replies come in the order of their commands: this one is the answer to a PING.
                Some(_) if self.ping_sent.is_some() => self.ping_sent = None,
                Some(reply) => return Ok(reply),
                None => {
                    return Err(SourceError::unreachable(format!(
                        "the server did not answer within {} ms, or drips",
                        silence.as_millis()
                    )));
                }
            }
        }
    }

    /// Sends commands together and reads their replies, in their order.
    pub(super) fn call_all(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, SourceError> {
        self.limit_reads(REPLY)?;
        let packed: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        self.stream.write_all(&packed).map_err(lost)?;
        commands.iter().map(|_| self.reply(REPLY)).collect()
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
            if let Some(value) = self.read(Until::Moment(until))? {
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
        while let Some(value) = self.read(Until::Silence)? {
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

    /// The next value, or none when nothing came within the limit of reads, or not enough of it in time.
    fn read(&mut self, until: Until) -> Result<Option<Value>, SourceError> {
        let mut inlet = Inlet {
            stream: &mut self.stream,
            last_heard: &mut self.last_heard,
            heard: &mut self.heard,
            until,
            failure: None,
            is_closed: false,
            is_refused: false,
        };
        let parsed = self.parser.parse_value(&mut inlet);
        let Inlet { failure, is_closed, is_refused, .. } = inlet;
        match (parsed, failure) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), Some(_)) if is_refused => {
                Err(SourceError::configuration("the server ended the TLS session").with_source(error))
            }
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
    heard: &'a mut u64,
    until: Until,
    failure: Option<io::ErrorKind>,
    is_closed: bool,
    is_refused: bool,
}

/// Until when a value is read, if bytes keep coming.
#[derive(Clone, Copy)]
enum Until {
    /// As long as they come.
    Silence,
    /// A moment.
    Moment(Instant),
    /// As long as they come faster than a peer that drips. Since when, and how many had come before.
    Crawling((Instant, u64)),
}

impl Until {
    fn is_over(self, heard: u64) -> bool {
        match self {
            Self::Silence => false,
            Self::Moment(moment) => Instant::now() >= moment,
            Self::Crawling((since, before)) => {
                // From then on it is slow; a document of 50 MB has arrived or is far ahead.
                let allowed = PATIENCE + Duration::from_micros(heard.saturating_sub(before));
                Instant::now().saturating_duration_since(since) > allowed
            }
        }
    }
}

impl Read for Inlet<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            // Without this a peer that sends byte after byte would keep the caller for as long as it likes.
            if self.until.is_over(*self.heard) {
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
            Ok(length) => {
                *self.last_heard = Instant::now();
                *self.heard += *length as u64;
            }
            Err(error) => {
                self.failure = Some(error.kind());
                self.is_refused = tls::is_refusal(error);
            }
        }
        result
    }
}
