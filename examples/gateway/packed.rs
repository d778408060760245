//! [`Packed`] and [`Spare`]: an answer, and a request, in one piece of memory.

use axum::body::Bytes;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::http::{Answer, Outbound};

/// How many headers are added to an answer, or to a request, on its way.
const ROOM: usize = 6;

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
        let mut bytes = packed(&answer.headers, answer.body.len());
        bytes.extend_from_slice(&answer.body);
        Self { status: answer.status, headers: answer.headers.len(), bytes: bytes.into() }
    }

    /// The answer, whose parts share the packed memory.
    pub(crate) fn unpack(&self) -> Answer {
        let mut rest = self.bytes.clone();
        Answer { status: self.status, headers: unpacked(&mut rest, self.headers), body: rest }
    }
}

/// A request that may have to be sent again. A copy of a map would be two pieces of memory, and a count for each part.
#[derive(Debug)]
pub(crate) struct Spare {
    method: Method,
    path: PathAndQuery,
    headers: usize,
    bytes: Vec<u8>,
    body: Bytes,
}

impl Spare {
    pub(crate) fn new(request: &Outbound) -> Self {
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.len(),
            bytes: packed(&request.headers, 0),
            body: request.body.clone(),
        }
    }

    pub(crate) fn unpack(self) -> Outbound {
        let Self { method, path, headers, bytes, body } = self;
        Outbound { method, path, headers: unpacked(&mut bytes.into(), headers), body }
    }
}

/// Name and value of each header, each with a line of its own, and room for more.
fn packed(headers: &HeaderMap, room: usize) -> Vec<u8> {
    let lines = || headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    let mut bytes = Vec::with_capacity(lines().map(|line| line.len() + 1).sum::<usize>() + room);
    for line in lines() {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    bytes
}

/// Takes so many headers from the front. They share the memory.
fn unpacked(rest: &mut Bytes, number: usize) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(number + ROOM);
    for _ in 0..number {
        let (name, value) = (line(rest), line(rest));
        // They were headers before.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&name), HeaderValue::from_maybe_shared(value)) {
            headers.append(name, value);
        }
    }
    headers
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
