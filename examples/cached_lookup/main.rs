//! Thousands of tasks look products up in a real `SQLite` database, first without a cache and then with one: the same
//! tasks, the same keys, the same four connections.
//!
//! ```text
//! cargo run --release --example cached_lookup
//! ```
//!
//! Without the cache every question is a query. With it a product is looked up once: those who ask while the query
//! runs wait for it, those who come later find the answer. Exit code 1 if a product was queried twice, or if the
//! answers differ.
#![forbid(unsafe_code)]

mod database;
mod load;
mod report;

use core::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use tidegate_tokio::{Cache, LoadError};

use crate::database::{Database, Product, QueryError};
use crate::load::Load;
use crate::report::Report;

/// How many products there are.
const PRODUCTS: u32 = 2_000;
/// How many tasks ask, and how often each does.
const TASKS: usize = 4_000;
const QUESTIONS: usize = 5;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let database = Arc::new(Database::create(PRODUCTS)?);
    let load = Load::draw(TASKS, QUESTIONS, PRODUCTS);
    println!(
        "{} questions about {} of {PRODUCTS} products, by {TASKS} tasks, over {} connections",
        load.questions(),
        load.distinct(),
        database::CONNECTIONS,
    );

    let bare = {
        let database = Arc::clone(&database);
        load.run(move |sku| {
            let database = Arc::clone(&database);
            async move { database.product(sku).await }
        })
        .await?
    };
    let queries = database.queries();

    // As long as it has room for all products, each is looked up once. An error is not kept.
    let cache: Arc<Cache<u32, Arc<Product>, QueryError>> = Arc::new(Cache::new(4 * PRODUCTS as usize));
    let cached = {
        let (cache, database) = (Arc::clone(&cache), Arc::clone(&database));
        load.run(move |sku| {
            let (cache, database) = (Arc::clone(&cache), Arc::clone(&database));
            async move {
                match cache.get_or_load(&sku, || database.product(sku)).await {
                    Ok(product) => Ok(product),
                    Err(LoadError::Failed(error)) => Err(error),
                    Err(error) => unreachable!("the heap has room, and no query asks for itself: {error}"),
                }
            }
        })
        .await?
    };
    let (queries_cached, stats) = (database.queries() - queries, cache.stats());

    Report::header();
    Report { what: "without", run: &bare, queries }.print();
    Report { what: "with", run: &cached, queries: queries_cached }.print();
    let asked = stats.hits + stats.joined + stats.misses;
    println!(
        "the cache: {} hits, {} joined a query under way, {} misses; {} of {asked} questions cost no query",
        stats.hits,
        stats.joined,
        stats.misses,
        report::percent(stats.hits + stats.joined, asked),
    );

    let once = queries_cached == load.distinct() && stats.misses == queries_cached;
    println!("{}    each product was queried once, however many asked", report::held(once));
    let alike = bare.total.to_bits() == cached.total.to_bits();
    println!("{}    the answers are the same", report::held(alike));
    Ok(if once && alike { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
