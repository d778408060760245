//! [`Store`]: the file, and [`Row`]: what goes into it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

/// A reading of a sensor, say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) sensor: u32,
    pub(crate) number: u64,
    /// When it was made.
    pub(crate) made: Instant,
}

impl Row {
    pub(crate) fn new(sensor: u32, number: u64) -> Self {
        Self { sensor, number, made: Instant::now() }
    }
}

pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Makes an empty table in a new file.
    pub(crate) fn create(file: &Path) -> crate::Result<Self> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(name) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.execute_batch("CREATE TABLE reading (sensor INTEGER, number INTEGER, value REAL)")?;
        Ok(Self { connection })
    }

    /// Writes rows in one transaction: all of them or none.
    pub(crate) fn write(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO reading VALUES (?1, ?2, ?3)")?;
            for row in rows {
                insert.execute((row.sensor, row.number, 20.5))?;
            }
        }
        transaction.commit()
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> rusqlite::Result<u64> {
        self.connection.query_row("SELECT count(*) FROM reading", (), |row| row.get(0))
    }
}
