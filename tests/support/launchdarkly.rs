//! LaunchDarkly's server, as far as its SDKs need one: the stream of flags and segments, and the place that takes events.
//!
//! It speaks the streaming protocol (server-sent events `put`, `patch`, `delete`) to any number of clients on 127.0.0.1, and is
//! gone when dropped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// A server with one SDK key.
#[derive(Debug)]
pub struct LaunchDarklyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sdk_key: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    flags: BTreeMap<String, Value>,
    segments: BTreeMap<String, Value>,
    streams: Vec<TcpStream>,
    connected: usize,
    /// What is answered instead of the stream: 503 of a server that is down, say.
    refusal: Option<&'static str>,
    /// Whether it accepts, and says nothing.
    is_silent: bool,
    posted: Vec<Value>,
    is_over: bool,
}

impl LaunchDarklyServer {
    /// Starts a server without flags, which knows this SDK key.
    pub fn start(sdk_key: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared { sdk_key, state: Mutex::default() });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.lock().is_over {
                    return;
                }
                let (Ok(stream), served) = (stream, Arc::clone(&served)) else { continue };
                thread::spawn(move || served.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// Its base URL, for all three services.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A flag: its parts over those of one that is on and gives variation 0 to everybody. Tells the clients.
    pub fn set(&self, key: &str, parts: Value) {
        let mut state = self.shared.lock();
        state.version += 1;
        let mut flag = json!({
            "key": key, "version": state.version, "on": true, "targets": [], "contextTargets": [], "rules": [],
            "prerequisites": [], "fallthrough": {"variation": 0}, "offVariation": 1, "variations": [true, false],
            "salt": "salt", "clientSideAvailability": {"usingMobileKey": false, "usingEnvironmentId": false},
        });
        merge(&mut flag, parts);
        state.flags.insert(key.to_owned(), flag.clone());
        state.send("patch", &json!({ "path": format!("/flags/{key}"), "data": flag }));
    }

    /// A segment of these user keys. Tells the clients.
    pub fn set_segment(&self, key: &str, included: &[&str]) {
        let mut state = self.shared.lock();
        state.version += 1;
        let segment = json!({
            "key": key, "version": state.version, "included": included, "excluded": [], "rules": [], "salt": "salt",
        });
        state.segments.insert(key.to_owned(), segment.clone());
        state.send("patch", &json!({ "path": format!("/segments/{key}"), "data": segment }));
    }

    /// Deletes a flag. Tells the clients.
    pub fn delete(&self, key: &str) {
        let mut state = self.shared.lock();
        state.version += 1;
        let version = state.version;
        state.flags.remove(key);
        state.send("delete", &json!({ "path": format!("/flags/{key}"), "version": version }));
    }

    /// Closes all streams, as a lost connection does.
    pub fn cut(&self) {
        self.shared.lock().close_streams();
    }

    /// What is answered to who asks for the stream from now on: a status line such as `503 Service Unavailable`, or none for the
    /// stream itself.
    pub fn refuse(&self, status: Option<&'static str>) {
        self.shared.lock().refusal = status;
    }

    /// Whether it accepts connections and says nothing.
    pub fn be_silent(&self, is_silent: bool) {
        self.shared.lock().is_silent = is_silent;
    }

    /// How often a stream was begun.
    pub fn connected(&self) -> usize {
        self.shared.lock().connected
    }

    /// The events that were sent so far.
    pub fn events(&self) -> Vec<Value> {
        self.shared.lock().posted.clone()
    }
}

impl Drop for LaunchDarklyServer {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        state.close_streams();
        drop(state);
        // It looks whether it is over at each connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn merge(flag: &mut Value, parts: Value) {
    if let (Value::Object(flag), Value::Object(parts)) = (flag, parts) {
        flag.extend(parts);
    }
}

impl State {
    fn send(&mut self, event: &str, data: &Value) {
        let text = format!("event: {event}\ndata: {data}\n\n");
        self.streams.retain_mut(|stream| stream.write_all(text.as_bytes()).is_ok());
    }

    fn close_streams(&mut self) {
        for stream in self.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection: one request, or one stream.
    fn serve(&self, stream: TcpStream) {
        let Some((path, key, body)) = read(&stream) else { return };
        if path.starts_with("/all") {
            return self.stream(stream, &key);
        }
        let answer = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        if path.starts_with("/bulk") && key == self.sdk_key {
            let events: Vec<Value> = serde_json::from_slice(&body).expect("events are JSON, not compressed");
            self.lock().posted.extend(events);
        }
        let _ = (&stream).write_all(answer.as_bytes());
    }

    fn stream(&self, mut stream: TcpStream, key: &str) {
        let mut state = self.lock();
        if state.is_silent {
            // Kept open, so that the client waits.
            state.streams.push(stream);
            return;
        }
        let refusal = state.refusal.or_else(|| (key != self.sdk_key).then_some("401 Unauthorized"));
        if let Some(refusal) = refusal {
            let answer = format!("HTTP/1.1 {refusal}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            return;
        }
        let put = json!({ "path": "/", "data": { "flags": state.flags, "segments": state.segments } });
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let answer = format!("{head}event: put\ndata: {put}\n\n");
        if stream.write_all(answer.as_bytes()).is_ok() {
            state.connected += 1;
            state.streams.push(stream);
        }
    }
}

/// The path of a request, its key and its body.
fn read(stream: &TcpStream) -> Option<(String, String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut key, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.clone_into(&mut key),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, key, body))
}
