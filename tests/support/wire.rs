//! Wire: peers that misbehave as no real server does on request.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// What a server says to `HELLO 3`, cut down to what counts.
pub const HELLO_3: &str = "%1\r\n$5\r\nproto\r\n:3\r\n";

/// What a server says to `ROLE` if the user may not ask.
pub const NO_ROLE: &str = "-NOPERM this user has no permissions to run the 'role' command\r\n";

/// A server that speaks from a script: one answer for each command, then what it is told to say. It serves one
/// connection and closes it when dropped.
#[derive(Debug)]
pub struct Scripted {
    url: String,
    heard: Arc<AtomicUsize>,
    say: mpsc::Sender<&'static str>,
}

impl Scripted {
    /// Starts to listen; commands must be small enough to come in one piece.
    pub fn start(answers: &[&'static str]) -> Self {
        let (listener, url) = listen();
        let (say, said) = mpsc::channel::<&'static str>();
        let heard = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (answers.to_vec(), Arc::clone(&heard));
        thread::spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else { return };
            for answer in answers {
                if !matches!(stream.read(&mut [0; 1024]), Ok(1..)) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            for words in said {
                if stream.write_all(words.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self { url, heard, say }
    }

    /// Where it listens, as `redis://`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many commands it has read.
    pub fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    /// Lets it say something that nobody asked for, once its script is over.
    pub fn say(&self, words: &'static str) {
        self.say.send(words).expect("the connection of the script is open");
    }
}

/// A server that answers every connection with one byte every now and then, for ever.
#[derive(Debug)]
pub struct Dripping {
    url: String,
}

impl Dripping {
    /// Starts to listen: first these bytes, then zeros, none of which ends anything.
    pub fn start(first: &'static [u8]) -> Self {
        let (listener, url) = listen();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                thread::spawn(move || {
                    let mut drops = first.iter().copied().chain(std::iter::repeat(b'0'));
                    while drops.next().is_some_and(|drop| stream.write_all(&[drop]).is_ok()) {
                        thread::sleep(Duration::from_millis(50));
                    }
                });
            }
        });
        Self { url }
    }

    /// Where it listens, as `redis://`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A proxy in front of a server, which does to all connections what the network may do to them.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    weather: Arc<AtomicU8>,
    /// Both ends of every connection that is open.
    open: Arc<Mutex<Vec<TcpStream>>>,
}

/// What a [`Proxy`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Hands on everything.
    Fair,
    /// Swallows everything, as a cable does that was pulled: no end of file, no reset.
    Blackhole,
    /// Hands on one byte every 100 ms.
    Drip,
    /// Takes connections and ends them.
    Closed,
}

impl Proxy {
    /// Starts to listen, in front of a server on this port of 127.0.0.1, in fair weather.
    pub fn in_front_of(port: u16) -> Self {
        let (listener, url) = listen();
        let (weather, open) = (Arc::new(AtomicU8::new(Weather::Fair as u8)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self { url, weather: Arc::clone(&weather), open: Arc::clone(&open) };
        thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(("127.0.0.1", port))) else { continue };
                if weather.load(Ordering::SeqCst) == Weather::Closed as u8 {
                    continue;
                }
                for (from, to) in [(&near, &far), (&far, &near)] {
                    // One of them has ended meanwhile: the other end is told by dropping it.
                    let (Ok(from), Ok(to), weather) = (from.try_clone(), to.try_clone(), Arc::clone(&weather)) else {
                        continue;
                    };
                    // A segment that waits for its acknowledgement would be a weather of its own.
                    let _ = to.set_nodelay(true);
                    thread::spawn(move || forward(from, to, &weather));
                }
                open.lock().expect("no panic").extend([near, far]);
            }
        });
        proxy
    }

    /// Where it listens, as `redis://`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes the weather, for connections that are open too.
    pub fn turn(&self, weather: Weather) {
        self.weather.store(weather as u8, Ordering::SeqCst);
        if weather == Weather::Closed {
            self.cut();
        }
    }

    /// Ends all connections that are open.
    pub fn cut(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.turn(Weather::Closed);
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, format!("redis://{address}"))
}

fn forward(mut from: TcpStream, mut to: TcpStream, weather: &AtomicU8) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let is = |one: Weather| weather.load(Ordering::SeqCst) == one as u8;
        if is(Weather::Blackhole) {
            continue;
        }
        let mut rest = &buffer[..length];
        while is(Weather::Drip) && !rest.is_empty() {
            if to.write_all(&rest[..1]).is_err() {
                return;
            }
            rest = &rest[1..];
            thread::sleep(Duration::from_millis(100));
        }
        if to.write_all(rest).is_err() {
            break;
        }
    }
    // What one end does the other hears of.
    let _ = to.shutdown(Shutdown::Both);
}
