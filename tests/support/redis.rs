//! Redis server: a real one for one test, on a free port of 127.0.0.1, empty, gone when dropped.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::eventually;

/// How long a server may take to come up.
const START: Duration = Duration::from_secs(10);
/// How often another port is tried: between finding a free one and using it somebody else may take it.
const PORTS: usize = 5;

/// A `redis-server` process that belongs to one test. It keeps nothing on disk and reaches no other machine.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    process: Child,
    directory: TempDir,
    is_sentinel: bool,
}

impl RedisServer {
    /// Starts a server with the default configuration.
    pub fn start() -> Self {
        Self::with_config(&[])
    }

    /// Starts a server with more lines of `redis.conf`, for example `requirepass secret`.
    pub fn with_config(lines: &[&str]) -> Self {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        Self::on_some_port(|_| lines.clone(), false)
    }

    /// Starts a replica of this server.
    #[must_use]
    pub fn replica(&self) -> Self {
        Self::with_config(&[&format!("replicaof 127.0.0.1 {}", self.port), "repl-ping-replica-period 1"])
    }

    /// Starts a server whose configuration is made for the port that it gets.
    pub fn on_some_port(lines: impl Fn(u16) -> Vec<String>, is_sentinel: bool) -> Self {
        let directory = TempDir::new().expect("a temporary directory for redis-server");
        for _ in 0..PORTS {
            let port = free_port();
            let lines = lines(port);
            write_config(&directory, port, &lines.iter().map(String::as_str).collect::<Vec<_>>());
            let mut process = spawn(&directory, is_sentinel);
            if is_up(port, &mut process) {
                return Self { port, process, directory, is_sentinel };
            }
            end(&mut process);
        }
        let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        panic!("redis-server did not start on any of {PORTS} ports; its log:\n{log}");
    }

    /// The URL of database 0 without login.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The URL for a user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The path of the unix socket on which the server listens too.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Runs one command by `redis-cli`; its output without the last line break. Panics if the server answers an error.
    pub fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-e", "-p", &self.port.to_string()])
            .args(words)
            .output()
            .unwrap_or_else(|error| panic!("redis-cli does not run ({error}); {INSTALL}"));
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "redis-cli {words:?}: {text}{errors}");
        text
    }

    /// Lets the server hang: it accepts connections (the kernel does) and answers nothing.
    pub fn stop_process(&self) {
        signal("-STOP", self.process.id());
    }

    /// Lets a hanging server go on.
    pub fn continue_process(&self) {
        signal("-CONT", self.process.id());
    }

    /// Kills the server, as `kill -9` does.
    pub fn kill(&mut self) {
        end(&mut self.process);
    }

    /// Deletes what a killed server has kept on disk.
    pub fn forget_data(&self) {
        // There is nothing unless the configuration keeps something.
        let _ = fs::remove_dir_all(self.directory.path().join("appendonlydir"));
    }

    /// Starts the server again on its port after [`kill`](Self::kill); with what its
    /// configuration keeps: nothing by default.
    pub fn restart(&mut self) {
        end(&mut self.process);
        self.process = spawn(&self.directory, self.is_sentinel);
        assert!(is_up(self.port, &mut self.process), "redis-server did not start again on port {}", self.port);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

const INSTALL: &str = "install Redis 6 or newer: `apt-get install redis-server`, or `brew install redis`";

/// A port of 127.0.0.1 that nobody has at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
    listener.local_addr().expect("a bound listener has an address").port()
}

fn write_config(directory: &TempDir, port: u16, lines: &[&str]) {
    let path = directory.path().display();
    let mut ours = format!("port {port}\nbind 127.0.0.1\ndir {path}\nlogfile {path}/log\n");
    if !lines.iter().any(|line| line.starts_with("sentinel ")) {
        ours = format!("{ours}unixsocket {path}/socket\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n");
    }
    fs::write(directory.path().join("redis.conf"), ours + &lines.join("\n") + "\n").expect("redis.conf can be written");
}

fn spawn(directory: &TempDir, is_sentinel: bool) -> Child {
    Command::new("redis-server")
        .arg(directory.path().join("redis.conf"))
        .args(is_sentinel.then_some("--sentinel"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server does not run ({error}); {INSTALL}"))
}

/// Whether the server answers and has read what it kept; false if it ended, for example because the port was taken.
fn is_up(port: u16, process: &mut Child) -> bool {
    let mut has_ended = false;
    let answers = eventually(START, || {
        has_ended = process.try_wait().is_ok_and(|status| status.is_some());
        has_ended || ping(port).is_some_and(|answer| !answer.starts_with("-LOADING"))
    });
    answers && !has_ended
}

/// The first line of the answer: a server with a password refuses this, which shows that it is there.
fn ping(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.ends_with('\n').then_some(line)
}

fn signal(name: &str, process: u32) {
    // The shell's own: a small system has no `kill` program.
    let status = Command::new("sh").args(["-c", &format!("kill {name} {process}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {name} {process} failed");
}

fn end(process: &mut Child) {
    // It may have ended already; waiting then only takes its status.
    let _ = process.kill();
    let _ = process.wait();
}
