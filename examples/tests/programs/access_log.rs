//! The access log: whoever was answered is in it, also when the gateway is stopped under load.
#![cfg(unix)]

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};

use crate::http;
use crate::programs::{Folder, Gateway, until};
use crate::upstream::{Echo, Upstream};

/// A file, removed when this is dropped.
struct Log {
    file: PathBuf,
    _folder: Folder,
}

impl Log {
    fn new(name: &str) -> Self {
        let folder = Folder::new();
        Self { file: folder.file(name), _folder: folder }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    fn read(&self) -> Connection {
        Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// How often each path is there that was answered, and how many rows there are in all.
    fn answered(&self) -> (BTreeMap<String, u64>, u64) {
        let log = self.read();
        let mut rows = log.prepare("SELECT path, count(*) FROM access WHERE status <> 499 GROUP BY path").unwrap();
        let rows = rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let all = log.query_row("SELECT count(*) FROM access", (), |row| row.get(0)).unwrap();
        (rows.collect::<Result<_, _>>().unwrap(), all)
    }
}

#[test]
fn interrupted_under_load_it_loses_no_row() {
    let (log, upstream) = (Log::new("interrupted"), Echo::start());
    let args = ["--log", log.path(), "--rate", "1000000", "--client-rate", "1000000", "--ttl", "0.05"];
    let gateway = Gateway::start(upstream.address, 4, &args);
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..8_u64)
        .map(|client| {
            let (stop, asked, address) = (Arc::clone(&stop), Arc::clone(&asked), gateway.address);
            thread::spawn(move || {
                let mut answered = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    let path = format!("/api/{client}/{number}");
                    let method = if number.is_multiple_of(3) { "POST" } else { "GET" };
                    let sent = http::try_send(address, &format!("{method} {path} HTTP/1.1"));
                    if number % 17 == 5 {
                        drop(sent); // hangs up
                    } else if let Some(status) = sent.and_then(http::Pending::status) {
                        assert_eq!(status, 200, "{path}");
                        answered.push(path);
                    }
                }
                answered
            })
        })
        .collect();
    until("it is under load", || asked.load(Ordering::SeqCst) > 1_000);
    let pid = i32::try_from(gateway.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert!(gateway.next_line().starts_with("finishing what has begun"));
    let accepted = gateway.next_line();
    assert_eq!(gateway.end(), (Some(0), String::new()));
    stop.store(true, Ordering::SeqCst);

    let heard: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let (rows, all) = log.answered();
    assert!(heard.len() > 500, "{}", heard.len());
    for path in &heard {
        assert_eq!(rows.get(path), Some(&1), "{path}");
    }
    assert_eq!(accepted, format!("{all} rows of the access log were accepted, 0 were not"));
}

#[test]
fn a_row_says_what_happened() {
    let (log, upstream) = (Log::new("row"), Upstream::start());
    let args = ["--log", log.path(), "--behind-proxy"];
    let gateway = Gateway::start(upstream.address, 1, &args);
    let client = ("x-forwarded-for", "2001:db8::1");
    for path in ["/fetched", "/kept", "/kept", "/kept"] {
        let pending = gateway.send("GET", path, &[client, ("x-priority", "7")]);
        if gateway.health("pages") == 0 {
            upstream.next().answer_with("200 OK", "cache-control: max-age=3600\r\n", "");
        }
        assert_eq!(pending.answer().status, 200);
    }
    let inside = gateway.send("POST", "/gone", &[]);
    let arrival = upstream.next();
    drop(inside);
    gateway.until("hung_up", 1);
    arrival.answer("");
    assert_eq!(gateway.get("/bad", "bad").answer().status, 400);

    until("the rows are written", || log.answered().1 == 6);
    let rows = log.read();
    let mut rows = rows
        .prepare("SELECT client, class, method, path, status, cache, at > 1000000000000000, micros FROM access")
        .unwrap();
    let rows = rows.query_map((), |row| {
        assert!(row.get::<_, bool>(6)? && row.get::<_, i64>(7)? > 0);
        let text = |index| row.get::<_, String>(index);
        let cache: Option<String> = row.get(5)?;
        Ok(format!("{} {} {} {} {} {cache:?}", text(0)?, text(1)?, text(2)?, text(3)?, row.get::<_, u16>(4)?))
    });
    let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            "127.0.0.1 normal GET /api/bad 400 None",
            "127.0.0.1 normal POST /api/gone 499 None",
            "2001:db8::1 batch GET /api/fetched 200 Some(\"miss\")",
            "2001:db8::1 batch GET /api/kept 200 Some(\"hit\")",
            "2001:db8::1 batch GET /api/kept 200 Some(\"miss\")",
            "2001:db8::1 batch GET /api/kept 200 Some(\"miss\")",
        ]
    );
}

#[test]
fn it_is_exported_line_by_line() {
    let upstream = Echo::start();
    let gateway = Gateway::start(upstream.address, 8, &["--client-rate", "1000000", "--rate", "1000000"]);
    for number in 0..300 {
        let path = format!("/{number}?{}", "x".repeat(200));
        assert_eq!(gateway.get(&path, "-1").answer().status, 200);
    }
    until("the rows are written", || gateway.health("rows") == 300 && gateway.health("rows_on_their_way") == 0);
    let export = || http::send(gateway.address, "GET /export HTTP/1.1", &[], "").answer();
    let answer = export();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    for number in 0..300 {
        let path = format!("\"path\":\"/api/{number}?x");
        assert!(answer.body.contains(&path), "{path}");
    }

    // Whoever reads nothing keeps a place, and others are refused in the end; who goes away gives it back.
    let readers = [(); 2].map(|()| http::send(gateway.address, "GET /export HTTP/1.1", &[], ""));
    drop(readers);
    until("there is a place again", || export().status == 200);
}
