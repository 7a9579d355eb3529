//! The stream: the SDK's connection to LaunchDarkly, watched, since the SDK does not say that it is lost.
//!
//! LaunchDarkly closes streams now and then, and the SDK comes back at once: only a stream that stays away is told, with what has
//! answered in its place. One that is refused for good is told at once, since the SDK does not try again then. A connection that is
//! only half there is noticed by its silence.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use launchdarkly_sdk_transport::{
    ByteStream, HttpTransport, HyperTransport, Request, ResponseFuture, StatusCode, TransportError,
};
use launchdarkly_server_sdk::StreamingDataSourceBuilder;
use tokio::runtime::Handle;

use crate::provider::{ProviderError, ProviderEvents};

/// After how long without a stream that is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// LaunchDarkly sends a sign of life every three minutes: who hears none for so long has lost the connection.
const LONGEST_SILENCE: Duration = Duration::from_secs(5 * 60);
const CONNECT: Duration = Duration::from_secs(10);

/// What is known of the stream.
#[derive(Default)]
pub(super) struct Watch {
    /// How many streams have begun.
    begun: AtomicU64,
    is_refused: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Option<ProviderEvents>,
    is_stale: bool,
    /// Why there is no stream, as far as the last attempt tells.
    trouble: Option<String>,
}

impl Watch {
    /// Tells of streams that stay away from now on.
    pub(super) fn tell(&self, events: ProviderEvents) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).events = Some(events);
    }

    /// Whether a stream was refused for good, as far as is known: then the SDK's own word of it says less.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Acquire)
    }

    /// Whether it is known why there is no stream, and told.
    pub(super) fn has_trouble(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.is_some()
    }

    /// An attempt came to nothing.
    fn fails(&self, why: String, is_final: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.trouble = Some(why.clone());
        let events = state.events.clone();
        drop(state);
        self.is_refused.fetch_or(is_final, Ordering::AcqRel);
        let Some(events) = events else { return };
        if is_final {
            events.fatal(why);
        } else if self.begun.load(Ordering::Acquire) == 0 {
            events.error(why);
        }
    }

    fn begins(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.trouble = None;
        let was_stale = std::mem::take(&mut state.is_stale);
        let events = state.events.clone().filter(|_| was_stale);
        drop(state);
        if let Some(events) = events {
            events.ready();
        }
    }

    /// The stream of this number has ended, and no other has begun for a while.
    fn stays_away(&self, number: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.begun.load(Ordering::Acquire) != number || self.is_refused() {
            return;
        }
        state.is_stale = true;
        let events = state.events.clone();
        let trouble = state.trouble.as_ref().map_or_else(String::new, |trouble| format!(" ({trouble})"));
        drop(state);
        if let Some(events) = events {
            let seconds = PATIENCE.as_secs();
            events.stale(format!("no stream from LaunchDarkly for {seconds} s{trouble}; decisions stay as they are"));
        }
    }
}

/// The SDK's own transport, watched.
#[derive(Clone)]
struct Watched<T> {
    inner: T,
    watch: Arc<Watch>,
}

/// A stream's bytes, until it ends.
struct Body {
    bytes: ByteStream,
    watch: Arc<Watch>,
    number: u64,
}

/// The SDK's stream with this watch on it.
pub(super) fn watched(watch: Arc<Watch>) -> Result<StreamingDataSourceBuilder<impl HttpTransport>, ProviderError> {
    let inner = HyperTransport::builder().connect_timeout(CONNECT).read_timeout(LONGEST_SILENCE).build_https();
    let inner = inner.map_err(|error| super::set_up(&error))?;
    let mut stream = StreamingDataSourceBuilder::new();
    stream.transport(Watched { inner, watch });
    Ok(stream)
}

impl<T: HttpTransport> HttpTransport for Watched<T> {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let host = request.uri().authority().map_or_else(|| "LaunchDarkly".to_owned(), ToString::to_string);
        let (watch, response) = (Arc::clone(&self.watch), self.inner.request(request));
        Box::pin(async move {
            let response = match response.await {
                Ok(response) => response,
                Err(error) => {
                    watch.fails(format!("{host} cannot be reached: {}", in_one_line(&error)), false);
                    return Err(error);
                }
            };
            let status = response.status();
            if status != StatusCode::OK {
                if is_final(status) {
                    let why = format!("{host} refuses the SDK key for good ({status}): start again with another one");
                    watch.fails(why, true);
                } else {
                    watch.fails(format!("{host} answers {status}"), false);
                }
                return Ok(response);
            }
            watch.begins();
            Ok(response.map(|bytes| {
                let number = watch.begun.load(Ordering::Acquire);
                Box::pin(Body { bytes, watch, number }) as ByteStream
            }))
        })
    }
}

/// Whether the SDK does not try again.
fn is_final(status: StatusCode) -> bool {
    let passes = [StatusCode::BAD_REQUEST, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !passes.contains(&status)
}

/// An error and those below it.
fn in_one_line(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat their causes in their own text.
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.bytes.as_mut().poll_next(cx)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Without a runtime the client is at its end.
        let Ok(runtime) = Handle::try_current() else { return };
        let (watch, number) = (Arc::clone(&self.watch), self.number);
        runtime.spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            watch.stays_away(number);
        });
    }
}
