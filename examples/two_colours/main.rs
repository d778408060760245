//! Two colours at one queue: threads that read, tasks that count, and a thread that prints.
//!
//! ```text
//! cargo run --release --example two_colours                  # the words of this project
//! cargo run --release --example two_colours -- FILE_OR_FOLDER
//! ```
//!
//! ```text
//! paths ──► readers (threads) ──► pages ──► counters (tasks) ──► tallies ──► printer (a thread)
//! ```
//!
//! Each arrow is a [`Queue`]. Where one stage is slower than the one before it, the queue between them is full and the
//! stage before waits: a thread blocks, a task awaits. When a stage is over it closes its queue, and the next one ends
//! once it has emptied it.

mod corpus;
mod printer;
mod tally;

use core::error::Error;
use std::env;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tidegate_tokio::{GetError, Queue};
use tokio::runtime::Builder;

use corpus::Corpus;
use tally::Tally;

/// How many threads read.
const READERS: usize = 2;
/// How many tasks count.
const COUNTERS: usize = 4;
/// How many pages, and how many tallies, are on their way at most.
const ON_THE_WAY: usize = 64;

fn main() -> ExitCode {
    let path = match env::args_os().nth(1).map(PathBuf::from) {
        Some(path) if path.as_os_str().as_encoded_bytes().starts_with(b"-") => {
            eprintln!("usage: two_colours [FILE_OR_FOLDER]");
            return ExitCode::from(2);
        }
        Some(path) => path,
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
    };
    match run(path) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts in both ways; answers whether they agree.
fn run(path: PathBuf) -> Result<bool, Box<dyn Error>> {
    let corpus = Corpus::find(path)?;
    let start = Instant::now();
    let total = in_two_colours(&corpus)?;
    let (elapsed, start) = (start.elapsed(), Instant::now());
    let alone = Tally::of_corpus(&corpus)?;
    printer::report(&corpus, &total, elapsed, start.elapsed());
    let same = total == alone;
    println!("the same as counted by one thread: {}", if same { "yes" } else { "NO" });
    Ok(same)
}

fn in_two_colours(corpus: &Corpus) -> Result<Tally, Box<dyn Error>> {
    let paths = Queue::unbounded();
    let pages = Arc::new(Queue::new(ON_THE_WAY));
    let tallies = Arc::new(Queue::new(ON_THE_WAY));
    for path in &corpus.files {
        paths.try_put(path).map_err(|error| error.to_string())?;
    }
    paths.close();

    let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
    let counters: Vec<_> = (0..COUNTERS).map(|_| runtime.spawn(count(pages.clone(), tallies.clone()))).collect();
    thread::scope(|scope| {
        let printer = scope.spawn(|| printer::sum(corpus, &tallies));
        let readers = [(); READERS].map(|()| {
            scope.spawn(|| {
                // Ends when there are no more paths.
                for path in &paths {
                    corpus::read(path, |page: String| pages.put_blocking(page).is_ok())?;
                }
                Ok::<(), io::Error>(())
            })
        });
        let read: Result<Vec<()>, _> =
            readers.into_iter().map(|reader| reader.join().expect("no reader panics")).collect();
        pages.close();
        for counter in counters {
            runtime.block_on(counter).expect("no counter panics");
        }
        tallies.close();
        let total = printer.join().expect("the printer does not panic");
        read?;
        Ok(total)
    })
}

/// Counts pages until there are no more; as many at once as are ready.
async fn count(pages: Arc<Queue<String>>, tallies: Arc<Queue<Tally>>) {
    let mut batch = Vec::new();
    loop {
        match pages.get_many(&mut batch, ON_THE_WAY / COUNTERS).await {
            Ok(_) => {}
            Err(GetError::Closed) => return,
            Err(error) => unreachable!("{error}, though it waits for as long as it takes"),
        }
        let mut tally = Tally::default();
        for page in batch.drain(..) {
            tally.add(&page);
        }
        if tallies.put(tally).await.is_err() {
            return;
        }
    }
}
