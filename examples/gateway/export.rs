//! `GET /export`: the access log as lines of JSON, straight from a cursor of the database.
//!
//! A cursor blocks, so it runs on a thread of its own, as a [`Generator`]: it reads on when the client has taken what
//! there is, and stops when the client goes away. However slow the client, there are two chunks of rows in memory.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use core::mem;
use core::time::Duration;
use rusqlite::Connection;
use tidegate_tokio::{Generator, Yielder};

use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// How many exports there may be at once.
pub(crate) const AT_ONCE: usize = 2;
/// About how many bytes the client gets at a time.
const CHUNK: usize = 1 << 14;

const ROWS: &str = "
    SELECT json_object('number', number, 'at', at, 'client', client, 'class', class, 'method', method,
                       'path', path, 'status', status, 'micros', micros, 'cache', cache)
    FROM access ORDER BY number";

pub(crate) async fn export(State(gateway): State<&'static Gateway>) -> Response {
    let Ok(permit) = gateway.exports.try_acquire() else {
        return Refusal::Overloaded { again: Duration::from_secs(1) }.into_response();
    };
    let rows = Generator::try_from_fn(move |out| {
        let _permit = permit;
        read(&gateway.database.reader()?, out)
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(rows)).into_response()
}

fn read(database: &Connection, out: &mut Yielder<String, rusqlite::Error>) -> rusqlite::Result<()> {
    let mut statement = database.prepare(ROWS)?;
    let mut rows = statement.query(())?;
    let mut chunk = String::new();
    while let Some(row) = rows.next()? {
        chunk.push_str(row.get_ref(0)?.as_str()?);
        chunk.push('\n');
        if chunk.len() >= CHUNK && out.yield_(mem::take(&mut chunk)).is_err() {
            return Ok(());
        }
    }
    // The rest, whether anybody wants it or not.
    let _ = out.yield_(chunk);
    Ok(())
}
