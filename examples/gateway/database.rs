//! [`Database`]: a file of `SQLite` on a thread of its own, which takes its orders from a [`Queue`].
//!
//! The queue has two sides: tasks await room in it, the thread blocks until there is something to do.

use core::fmt::Write;
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::{env, fs, process};

use axum::http::Method;
use rusqlite::{Connection, OpenFlags, Statement, ToSql};
use tidegate_tokio::Queue;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::telemetry::Cached;
use crate::urgency::Class;

/// How many orders wait for the thread at most.
const ORDERS: usize = 4;

const SCHEMA: &str = "
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE IF NOT EXISTS access (
        number INTEGER PRIMARY KEY,
        at     INTEGER NOT NULL, -- microseconds since 1970
        client TEXT NOT NULL,
        class  TEXT NOT NULL,
        method TEXT NOT NULL,
        path   TEXT NOT NULL,
        status INTEGER NOT NULL, -- 499 if the client had gone before
        micros INTEGER NOT NULL, -- from its arrival to its answer
        cache  TEXT
    );";

/// How many rows a statement inserts, as far as there are so many: to run one costs as much as to insert a row.
const AT_ONCE: usize = 32;

fn insert(rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?, ?, ?, ?)"; rows].join(", ");
    format!("INSERT INTO access (at, client, class, method, path, status, micros, cache) VALUES {values}")
}

/// A row of the access log.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Since 1970.
    pub(crate) at: Duration,
    pub(crate) client: IpAddr,
    pub(crate) class: Class,
    pub(crate) method: Method,
    pub(crate) path: Arc<str>,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    pub(crate) cached: Option<Cached>,
}

/// What the thread may be told to do.
enum Order {
    /// Write these rows, all of them or none, and give them back if it fails.
    Write { rows: Vec<Row>, done: oneshot::Sender<Result<Vec<Row>, Unwritten>> },
    /// Move the write-ahead log into the file.
    Checkpoint,
    /// Forget all but the last so many rows.
    Keep { rows: u64 },
}

/// Rows that are not in the file, and why.
#[derive(Debug)]
pub(crate) struct Unwritten {
    pub(crate) rows: Vec<Row>,
    pub(crate) error: rusqlite::Error,
}

/// A clone is another handle to the same thread, which ends when it is told to [close](Self::close).
#[derive(Clone)]
pub(crate) struct Database {
    orders: Arc<Queue<Order>>,
    file: Arc<Path>,
}

impl Database {
    /// Opens or makes the file; `None` for a new one in the folder for temporary files.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<(Self, Thread), Failure> {
        let is_temporary = file.is_none();
        let file: Arc<Path> = file.unwrap_or_else(temporary).into();
        let connection = Connection::open(&file).and_then(|connection| {
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        });
        let connection = connection.map_err(Failure::to(format_args!("log access in {}", file.display())))?;
        let orders = Arc::new(Queue::new(ORDERS));
        let todo = Arc::clone(&orders);
        let thread = thread::Builder::new().name("database".into()).spawn(move || serve(connection, &todo));
        let thread = thread.map_err(Failure::to("start the database's thread"))?;
        let temporary = is_temporary.then(|| Temporary { file: Arc::clone(&file) });
        Ok((Self { orders, file }, Thread { thread, temporary }))
    }

    /// Writes rows in one transaction; answers the vector that they were in.
    pub(crate) async fn write(&self, rows: Vec<Row>) -> Result<Vec<Row>, Unwritten> {
        let (done, written) = oneshot::channel();
        let lost = |rows| Unwritten { rows, error: rusqlite::Error::InvalidQuery };
        if let Err(refused) = self.orders.put(Order::Write { rows, done }).await {
            return Err(match refused.into_inner() {
                Order::Write { rows, .. } => lost(rows),
                _ => lost(Vec::new()),
            });
        }
        written.await.unwrap_or_else(|_the_thread_has_panicked| Err(lost(Vec::new())))
    }

    pub(crate) async fn checkpoint(&self) {
        // When it is closed there is nobody to do it, and a checkpoint is made then anyway.
        let _ = self.orders.put(Order::Checkpoint).await;
    }

    pub(crate) async fn keep(&self, rows: u64) {
        let _ = self.orders.put(Order::Keep { rows }).await;
    }

    /// Nothing more is to be done than what has been ordered.
    pub(crate) fn close(&self) {
        self.orders.close();
    }

    /// Another connection to the file, which only reads.
    pub(crate) fn reader(&self) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

/// The thread, to be waited for.
pub(crate) struct Thread {
    pub(crate) thread: JoinHandle<()>,
    /// Removed when this is dropped.
    pub(crate) temporary: Option<Temporary>,
}

pub(crate) struct Temporary {
    file: Arc<Path>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.file.as_os_str().to_owned();
            name.push(suffix);
            // It is in a folder for what nobody misses.
            let _ = fs::remove_file(name);
        }
    }
}

fn temporary() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("tidegate_gateway_{}_{number}.sqlite", process::id()))
}

fn serve(mut connection: Connection, orders: &Queue<Order>) {
    while let Ok(order) = orders.get_blocking() {
        let outcome = match order {
            Order::Write { mut rows, done } => {
                let answer = match write(&mut connection, &rows) {
                    Ok(()) => {
                        rows.clear();
                        Ok(rows)
                    }
                    Err(error) => Err(Unwritten { rows, error }),
                };
                // Whoever ordered it has been dropped, and so has what it waited for.
                let _ = done.send(answer);
                Ok(())
            }
            Order::Checkpoint => connection.pragma_update(None, "wal_checkpoint", "truncate"),
            Order::Keep { rows } => forget(&connection, rows),
        };
        if let Err(error) = outcome {
            eprintln!("gateway: the access log: {error}");
        }
    }
}

fn write(connection: &mut Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut text = String::new();
        let mut many = rows.chunks_exact(AT_ONCE);
        let mut insert_many = transaction.prepare_cached(&insert(AT_ONCE))?;
        for rows in many.by_ref() {
            execute(&mut insert_many, rows, &mut text)?;
        }
        let mut insert_one = transaction.prepare_cached(&insert(1))?;
        for rows in many.remainder().chunks(1) {
            execute(&mut insert_one, rows, &mut text)?;
        }
    }
    transaction.commit()
}

/// Inserts as many rows as the statement takes. `text` is scratch paper.
fn execute(insert: &mut Statement<'_>, rows: &[Row], text: &mut String) -> rusqlite::Result<()> {
    let mut number = 0;
    let mut bind = |value: &dyn ToSql| {
        number += 1;
        insert.raw_bind_parameter(number, value)
    };
    for row in rows {
        text.clear();
        // It does not fail.
        let _ = write!(text, "{}", row.client);
        bind(&micros(row.at))?;
        bind(text)?;
        bind(&row.class.name())?;
        bind(&row.method.as_str())?;
        bind(&row.path)?;
        bind(&row.status)?;
        bind(&micros(row.took))?;
        bind(&row.cached.map(name))?;
    }
    insert.raw_execute().map(drop)
}

fn forget(connection: &Connection, keep: u64) -> rusqlite::Result<()> {
    let forgotten = "DELETE FROM access WHERE number <= (SELECT max(number) FROM access) - ?1";
    connection.execute(forgotten, [i64::try_from(keep).unwrap_or(i64::MAX)]).map(drop)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

const fn name(cached: Cached) -> &'static str {
    match cached {
        Cached::Hit => "hit",
        Cached::Miss => "miss",
        Cached::Joined => "joined",
        Cached::Stale => "stale",
    }
}
