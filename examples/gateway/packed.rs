//! [`Packed`]: an answer in one piece of memory.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::http::Answer;

/// How many headers are added to an answer on its way to the client.
const ROOM: usize = 3;

/// An answer that is kept. As it comes, its headers and its body are parts of the buffer that they were read into:
/// that is larger, and the connection would use it again.
#[derive(Debug)]
pub(crate) struct Packed {
    status: StatusCode,
    /// How many headers there are.
    headers: usize,
    /// Name and value of each header, each with a line of its own, and then the body.
    bytes: Bytes,
}

impl Packed {
    pub(crate) fn new(answer: &Answer) -> Self {
        let headers = || answer.headers.iter().map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        let head: usize = headers().flatten().map(|line| line.len() + 1).sum();
        let mut bytes = Vec::with_capacity(head + answer.body.len());
        for line in headers().flatten() {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(&answer.body);
        Self { status: answer.status, headers: answer.headers.len(), bytes: bytes.into() }
    }

    /// The answer, whose parts share the packed memory.
    pub(crate) fn unpack(&self) -> Answer {
        let (mut headers, mut rest) = (HeaderMap::with_capacity(self.headers + ROOM), self.bytes.clone());
        for _ in 0..self.headers {
            let (name, value) = (line(&mut rest), line(&mut rest));
            // They were headers before.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&name), HeaderValue::from_maybe_shared(value)) {
                headers.append(name, value);
            }
        }
        Answer { status: self.status, headers, body: rest }
    }
}

/// Takes a line, which is whole, from the front.
fn line(rest: &mut Bytes) -> Bytes {
    let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let line = rest.split_to(end);
    *rest = rest.slice(1.min(rest.len())..);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_again() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("content-type", "text/plain"), ("x-odd", "\u{fc}\tber"), ("x-odd", "twice"), ("x-none", "")]
        {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        for (headers, body) in [(headers, "a\nbody\n\n"), (HeaderMap::new(), "\n"), (HeaderMap::new(), "")] {
            let answer = Answer { status: StatusCode::OK, headers, body: Bytes::from(body) };
            let unpacked = Packed::new(&answer).unpack();
            assert_eq!((unpacked.status, &unpacked.headers), (answer.status, &answer.headers));
            assert_eq!(unpacked.body, answer.body);
        }
    }
}
