//! Wire: peers that misbehave as no real server does on request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
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

/// A proxy for one connection that forwards both ways until it is told to swallow everything, as a cable does that was
/// pulled: no end of file, no reset.
#[derive(Debug)]
pub struct Blackhole {
    url: String,
    is_swallowing: Arc<AtomicBool>,
}

impl Blackhole {
    /// Starts to listen, in front of a server on this port of 127.0.0.1.
    pub fn in_front_of(port: u16) -> Self {
        let (listener, url) = listen();
        let is_swallowing = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_swallowing);
        thread::spawn(move || {
            let (near, _) = listener.accept().expect("a client of the proxy");
            let far = TcpStream::connect(("127.0.0.1", port)).expect("the server behind the proxy");
            let (near_too, far_too) = (near.try_clone().expect("a handle"), far.try_clone().expect("a handle"));
            let flag_too = Arc::clone(&flag);
            thread::spawn(move || forward(far_too, near_too, &flag_too));
            forward(near, far, &flag);
        });
        Self { url, is_swallowing }
    }

    /// Where it listens, as `redis://`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on nothing arrives on either side.
    pub fn swallow(&self) {
        self.is_swallowing.store(true, Ordering::SeqCst);
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, format!("redis://{address}"))
}

fn forward(mut from: TcpStream, mut to: TcpStream, is_swallowing: &AtomicBool) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !is_swallowing.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
