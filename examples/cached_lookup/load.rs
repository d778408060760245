//! [`Load`]: which tasks ask for which products, drawn beforehand, so that it can be run twice.

use core::error::Error;
use core::time::Duration;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::database::{Product, QueryError};

/// The products that each task asks for.
pub(crate) struct Load(Vec<Vec<u32>>);

/// What came of a load.
pub(crate) struct Run {
    pub(crate) elapsed: Duration,
    /// In microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// What all that was asked for costs, times its stars: a sum that tells answers from others.
    pub(crate) total: f64,
}

impl Load {
    /// Few products are asked for often, and many seldom.
    pub(crate) fn draw(tasks: usize, questions: usize, products: u32) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut sku = move || {
            let part = random.f64();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below the number of products"
            )]
            let sku = (f64::from(products) * part * part * part) as u32;
            sku.min(products - 1)
        };
        Self((0..tasks).map(|_| (0..questions).map(|_| sku()).collect()).collect())
    }

    pub(crate) fn questions(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How many products are asked for at all.
    pub(crate) fn distinct(&self) -> u64 {
        self.0.iter().flatten().collect::<HashSet<_>>().len() as u64
    }

    /// Runs all tasks at once, each of which asks one question after the other.
    pub(crate) async fn run<F>(
        &self,
        ask: impl Fn(u32) -> F + Send + Sync + 'static,
    ) -> Result<Run, Box<dyn Error>>
    where
        F: Future<Output = Result<Arc<Product>, QueryError>> + Send,
    {
        let ask = Arc::new(ask);
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for skus in self.0.clone() {
            let ask = Arc::clone(&ask);
            tasks.spawn(async move {
                let mut answers = Vec::new();
                for sku in skus {
                    let asked = Instant::now();
                    let product = ask(sku).await?;
                    answers.push((product, asked.elapsed()));
                }
                Ok::<_, QueryError>(answers)
            });
        }
        let mut latencies = Histogram::new(3)?;
        let mut total = 0.0;
        while let Some(answers) = tasks.join_next().await {
            for (product, latency) in answers?? {
                debug_assert!(product.name.starts_with("product "));
                // Whole numbers, so that the order of summing does not matter.
                total += (f64::from(product.cents) * product.stars * 1_000.0).round();
                latencies.record(u64::try_from(latency.as_micros())?)?;
            }
        }
        Ok(Run { elapsed: start.elapsed(), latencies, total })
    }
}
