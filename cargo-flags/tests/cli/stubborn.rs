//! A server with which every write loses its race: real ones do that only by chance.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Starts it; its URL. It serves one connection and ends with it.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        serve(stream);
    });
    url
}

fn serve(mut stream: TcpStream) {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    while let Some(command) = read_command(&mut requests) {
        let reply = match &*command[0].to_ascii_uppercase() {
            "GET" => "$16\r\n{\"enabled\":true}\r\n",
            "EVAL" => "*2\r\n$8\r\nconflict\r\n$16\r\n{\"enabled\":true}\r\n",
            "ACL" => "$7\r\ndefault\r\n",
            _ => "-ERR unknown command\r\n",
        };
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_command(requests: &mut impl BufRead) -> Option<Vec<String>> {
    let count = read_number(requests, '*')?;
    (0..count)
        .map(|_| {
            let length = read_number(requests, '$')?;
            let mut word = vec![0; length + 2];
            requests.read_exact(&mut word).ok()?;
            Some(String::from_utf8_lossy(&word[..length]).into_owned())
        })
        .collect()
}

fn read_number(requests: &mut impl BufRead, kind: char) -> Option<usize> {
    let mut line = String::new();
    requests.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(kind)?.parse().ok()
}
