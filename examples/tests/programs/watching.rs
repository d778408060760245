//! The dashboard without a browser: the page, its events, and who watches.

use core::net::SocketAddr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::http::send;
use crate::programs::{GIVE_UP, Gateway, until};
use crate::upstream::Upstream;

/// How many the gateway lets watch.
const WATCHERS: usize = 64;

/// Somebody who watches, until this is dropped.
struct Watcher {
    lines: BufReader<TcpStream>,
}

impl Watcher {
    /// `None` if there is no room.
    fn start(gateway: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect(gateway).unwrap();
        stream.set_read_timeout(Some(GIVE_UP)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nhost: {gateway}\r\n\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).unwrap();
        match status.split(' ').nth(1) {
            Some("200") => Some(Self { lines }),
            Some("503") => None,
            _ => panic!("{status}"),
        }
    }

    /// The next event; `None` once there are no more.
    fn next(&mut self) -> Option<Value> {
        let mut lines = self.lines.by_ref().lines().map(Result::unwrap);
        let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned))?;
        Some(serde_json::from_str(&data).unwrap())
    }
}

#[test]
fn the_page_lets_nothing_in_from_elsewhere() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let page = send(gateway.address, "GET / HTTP/1.1", &[], "").answer();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    let (_, nonce) = policy.split_once("script-src 'nonce-").unwrap();
    let nonce = &nonce[..nonce.find('\'').unwrap()];
    assert_eq!(page.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "{policy}");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe") && !policy.contains('*'));
    assert!(upstream.is_idle());
}

#[test]
fn events_tell_what_happens() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let mut watcher = Watcher::start(gateway.address).unwrap();
    let first = watcher.next().unwrap();
    assert_eq!(first["names"]["classes"], serde_json::json!(["interactive", "normal", "batch"]));
    let client = gateway.get("/", "5");
    upstream.next().answer("");
    assert_eq!(client.answer().status, 200);
    until("the answer is told", || {
        let news = watcher.next().unwrap();
        assert!(news["names"].is_null() && news["ticks"].as_array().is_some_and(|ticks| !ticks.is_empty()));
        news["totals"]["answered"][2] == 1
    });
    // Who comes later hears of what was before.
    let late = Watcher::start(gateway.address).unwrap().next().unwrap();
    let admitted = late["ticks"].as_array().unwrap().iter().filter_map(|tick| tick["admitted"][2].as_u64());
    assert_eq!(admitted.sum::<u64>(), 1);
}

#[test]
fn so_many_watch_and_no_more() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let mut watchers: Vec<_> = (0..WATCHERS).map(|_| Watcher::start(gateway.address).unwrap()).collect();
    assert!(Watcher::start(gateway.address).is_none());
    // The others are told as before, and whoever goes makes room.
    assert!(watchers.iter_mut().all(|watcher| watcher.next().is_some()));
    watchers.pop();
    until("there is room again", || Watcher::start(gateway.address).is_some());
}

#[test]
#[cfg(unix)]
fn who_watches_does_not_keep_it_from_ending() {
    use rustix::process::{Pid, Signal, kill_process};

    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 1, &[]);
    let mut watcher = Watcher::start(gateway.address).unwrap();
    assert!(watcher.next().is_some());
    kill_process(i32::try_from(gateway.id()).ok().and_then(Pid::from_raw).unwrap(), Signal::INT).unwrap();
    while watcher.next().is_some() {}
    assert_eq!(gateway.end(), (Some(0), String::new()));
}
