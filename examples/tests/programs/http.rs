//! A client for one request per connection: [`send`] now, look at the answer later, or hang up.

use core::fmt::Write as _;
use core::net::SocketAddr;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::programs::GIVE_UP;

/// A request that has been sent. Dropping it hangs up.
pub(crate) struct Pending {
    stream: TcpStream,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// With names in lower case.
    head: String,
    pub(crate) body: String,
}

/// Sends a request; `line` is like `GET / HTTP/1.1`.
pub(crate) fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Pending {
    let mut request =
        format!("{line}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    write!(request, "\r\n{body}").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(GIVE_UP)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    Pending { stream }
}

/// Sends a request without headers, unless the connection breaks off.
pub(crate) fn try_send(address: SocketAddr, line: &str) -> Option<Pending> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(GIVE_UP)).ok()?;
    stream.write_all(format!("{line}\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).ok()?;
    Some(Pending { stream })
}

impl Pending {
    /// The status of the answer, if it comes whole.
    pub(crate) fn status(mut self) -> Option<u16> {
        let mut all = String::new();
        self.stream.read_to_string(&mut all).ok()?;
        all.contains("\r\n\r\n").then_some(all)?.split(' ').nth(1)?.parse().ok()
    }

    pub(crate) fn answer(mut self) -> Answer {
        let mut all = String::new();
        self.stream.read_to_string(&mut all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").expect(&all);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(head);
        Answer { status, head: head.to_lowercase(), body: body.into() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}
