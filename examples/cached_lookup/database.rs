//! [`Database`]: products and what is said about them, in a file of its own, behind a few connections.

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, fs, process};

use rusqlite::{Connection, OpenFlags};
use tidegate_tokio::Semaphore;
use tokio::task::spawn_blocking;

/// How many queries run at a time.
pub(crate) const CONNECTIONS: usize = 4;
/// How many reviews each product has.
const REVIEWS: u32 = 40;

/// Errors are shared by all who waited for the query.
pub(crate) type QueryError = Arc<rusqlite::Error>;

#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) cents: u32,
    pub(crate) stars: f64,
}

/// The database.
pub(crate) struct Database {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    queries: AtomicU64,
    /// After the connections.
    _file: Temporary,
}

/// A file that is removed when this is dropped.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is in a folder for what nobody misses.
        let _ = fs::remove_file(&self.0);
    }
}

impl Database {
    pub(crate) fn create(products: u32) -> rusqlite::Result<Self> {
        let file = Temporary(env::temp_dir().join(format!("cached_lookup-{}.sqlite", process::id())));
        fill(&file.0, products)?;
        let open = || Connection::open_with_flags(&file.0, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let idle = (0..CONNECTIONS).map(|_| open()).collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            queries: AtomicU64::new(0),
            _file: file,
        })
    }

    /// How many queries have been run.
    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Looks a product up, on a thread that may block.
    pub(crate) async fn product(&self, sku: u32) -> Result<Arc<Product>, QueryError> {
        // The query keeps its permit, also if nobody waits for it any more.
        let permit = Semaphore::acquire_owned(Arc::clone(&self.permits), 1).await.expect("nobody closes it");
        self.queries.fetch_add(1, Ordering::Relaxed);
        let idle = Arc::clone(&self.idle);
        let query = spawn_blocking(move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = connection.expect("there are as many connections as permits");
            let product = look_up(&connection, sku);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            product
        });
        query.await.expect("a query does not panic").map(Arc::new).map_err(Arc::new)
    }
}

fn fill(file: &Path, products: u32) -> rusqlite::Result<()> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch(
        "DROP TABLE IF EXISTS products;
         DROP TABLE IF EXISTS reviews;
         CREATE TABLE products (sku INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL);
         CREATE TABLE reviews (sku INTEGER NOT NULL, stars INTEGER NOT NULL);
         CREATE INDEX reviews_by_sku ON reviews (sku);",
    )?;
    let transaction = connection.transaction()?;
    {
        let mut product = transaction.prepare("INSERT INTO products VALUES (?1, ?2, ?3)")?;
        let mut review = transaction.prepare("INSERT INTO reviews VALUES (?1, ?2)")?;
        for sku in 0..products {
            product.execute((sku, format!("product {sku}"), 100 + sku * 7 % 9_900))?;
            for number in 0..REVIEWS {
                review.execute((sku, 1 + (sku + number * number) % 5))?;
            }
        }
    }
    transaction.commit()
}

fn look_up(connection: &Connection, sku: u32) -> rusqlite::Result<Product> {
    let mut statement = connection.prepare_cached(
        "SELECT name, cents, (SELECT avg(stars) FROM reviews WHERE reviews.sku = products.sku)
         FROM products WHERE sku = ?1",
    )?;
    statement.query_one((sku,), |row| Ok(Product { name: row.get(0)?, cents: row.get(1)?, stars: row.get(2)? }))
}
