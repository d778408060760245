//! The thread that prints: a bar while the others are at work, and a report at the end.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use tidegate_tokio::Queue;

use crate::corpus::Corpus;
use crate::tally::Tally;

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(50);
const WIDTH: u64 = 40;

/// Adds the tallies up until there are no more, and shows how far that is.
pub(crate) fn sum(corpus: &Corpus, tallies: &Queue<Tally>) -> Tally {
    let shown = io::stderr().is_terminal();
    let start = Instant::now();
    let mut drawn = start;
    let mut total = Tally::default();
    for tally in tallies {
        total.merge(tally);
        if shown && drawn.elapsed() >= EVERY {
            drawn = Instant::now();
            draw(corpus, total.bytes, start.elapsed());
        }
    }
    if shown {
        draw(corpus, total.bytes, start.elapsed());
        eprintln!();
    }
    total
}

fn draw(corpus: &Corpus, bytes: u64, elapsed: Duration) {
    let done = (bytes * WIDTH / corpus.bytes.max(1)).min(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < done { '#' } else { '.' }).collect();
    // If it cannot be shown, the work goes on all the same.
    let _ = write!(io::stderr(), "\r[{bar}] {:.1} MB/s", rate(bytes, elapsed));
}

#[expect(clippy::cast_precision_loss, reason = "a figure for display")]
fn rate(bytes: u64, elapsed: Duration) -> f64 {
    bytes as f64 / 1e6 / elapsed.as_secs_f64().max(1e-9)
}

/// What came of it, and how long both ways took.
pub(crate) fn report(corpus: &Corpus, total: &Tally, elapsed: Duration, alone: Duration) {
    println!("files: {}, bytes: {}", corpus.files.len(), corpus.bytes);
    println!("words: {}, different ones: {}", total.total(), total.words.len());
    for (word, count) in total.most_frequent(5) {
        println!("{count:>8} {word}");
    }
    println!(
        "threads and tasks: {:.1} MB/s; one thread: {:.1} MB/s",
        rate(total.bytes, elapsed),
        rate(total.bytes, alone)
    );
}
