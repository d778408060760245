//! [`Upstream`]: a server behind the gateway that answers when the test says so; [`Echo`]: one that answers at once.

use core::net::SocketAddr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::programs::GIVE_UP;

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    arrivals: Receiver<Arrival>,
}

/// A request that is in the backend.
pub(crate) struct Arrival {
    pub(crate) line: String,
    /// `name: value`, with names in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
    stream: TcpStream,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, arrivals) = mpsc::channel();
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || receive(stream, &sender));
            }
        });
        Self { address, arrivals }
    }

    /// The next request that comes.
    pub(crate) fn next(&self) -> Arrival {
        self.arrivals.recv_timeout(GIVE_UP).expect("nothing arrived at the backend")
    }

    /// Whether nothing has come but what has been taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

/// A connection that ends before a whole request is nobody's concern.
fn receive(stream: TcpStream, arrivals: &Sender<Arrival>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let line = lines.next()?;
    let headers: Vec<String> = lines.collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(Some(0), |length| length.parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    arrivals.send(Arrival { line, headers, body, stream }).ok()
}

impl Arrival {
    /// `/path` out of `GET /api/path HTTP/1.1`.
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).and_then(|path| path.strip_prefix("/api")).unwrap()
    }

    pub(crate) fn answer(self, body: &str) {
        self.answer_with("200 OK", "", body);
    }

    /// Answers with headers that end their lines themselves.
    pub(crate) fn answer_with(self, status: &str, headers: &str, body: &str) {
        self.try_answer_with(status, headers, body).unwrap();
    }

    /// Answers with these bytes, and closes the connection. They should say so, or it may be used again meanwhile.
    pub(crate) fn answer_raw(mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).unwrap();
    }

    fn try_answer(self, body: &str) -> io::Result<()> {
        self.try_answer_with("200 OK", "", body)
    }

    fn try_answer_with(mut self, status: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        self.stream.write_all(answer.as_bytes())
    }
}

/// A server that answers at once, with the request's first line.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let upstream = Upstream::start();
        let address = upstream.address;
        // It ends with the process.
        thread::spawn(move || {
            for arrival in upstream.arrivals {
                let body = arrival.line.clone();
                let _ = arrival.try_answer(&body);
            }
        });
        Self { address }
    }
}
