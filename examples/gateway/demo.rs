//! `--demo`: the gateway under load, over real sockets.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, MissedTickBehavior};

use crate::args::DemoOptions;
use crate::backend::Backend;
use crate::checks::Checks;
use crate::failure::Failure;
use crate::load::{self, CLASSES, Sample};
use crate::output::print;
use crate::progress::Progress;
use crate::proxy::Gateway;
use crate::report::{Report, Row};
use crate::serve;
use crate::workers::{WORK, WORKERS};

/// For what goes on in the backend after the last client is gone.
const LAST_WORK: Duration = Duration::from_secs(30);

pub(crate) async fn run(options: &DemoOptions) -> Result<(), Failure> {
    let permits = options.limits.permits;
    let backend = Backend::start().await?;
    let gateway = Gateway::start(backend.address, options.limits);
    let (listener, address) = serve::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve::until(stopped, listener, gateway.router()));
    print(&format!(
        "{} clients of {} classes ask for {} s at http://{address}/, which lets {permits} through at a time,\n\
         to a backend that does {WORKERS} things at a time, in {} ms each on average\n",
        CLASSES.iter().map(load::Class::clients).sum::<u32>(),
        CLASSES.len(),
        options.seconds.as_secs_f64(),
        WORK.as_millis(),
    ))?;

    let outcomes = load::start(address, permits, options.seconds);
    let report = watch(outcomes, gateway, options.seconds).await?;
    drop(stop);
    server.await.map_err(Failure::to("serve"))??;
    // Work that clients did not wait for may still be going on, with its permits.
    let all_back = tidegate_tokio::timeout(LAST_WORK, gateway.line.acquire_many(permits)).await;

    let mut checks = Checks::default();
    let peak = backend.figures.peak();
    checks.add(peak <= permits, format!("never more than {permits} in the backend at once (it saw {peak})"));
    checks.add(report.rows.iter().all(|row| row.answered() > 0), "every class was served");
    checks.add(
        matches!(all_back, Ok(Ok(_))) && gateway.waiters() == 0,
        "in the end all permits were back and nobody stood in line",
    );
    let (answered, hung_up) = (report.total(Row::answered), report.total(|row| row.hung_up));
    let done = backend.figures.done() as u64;
    checks.add(
        (answered..=answered + hung_up).contains(&done),
        format!("what was answered was worked for, once ({answered} answers, {done} pieces of work)"),
    );
    let failed = report.total(|row| row.failed);
    checks.add(failed == 0, format!("no request failed ({failed} did)"));

    print(&format!("\n{report}\n{checks}"))?;
    match checks.broken() {
        0 => Ok(()),
        broken => Err(Failure::Run(format!("broken invariants: {broken}"))),
    }
}

/// Gathers outcomes until the last one, and shows how it is going.
async fn watch(
    mut outcomes: mpsc::Receiver<Sample>,
    gateway: &Gateway,
    span: Duration,
) -> Result<Report, Failure> {
    let mut report = Report::new(span).map_err(Failure::to("make a histogram"))?;
    let progress = Progress::new();
    let started = Instant::now();
    let mut ticks = time::interval_at(time::Instant::now() + progress.period(), progress.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            sample = outcomes.recv() => match sample {
                Some(sample) => report.add(sample),
                None => break,
            },
            _ = ticks.tick() => progress.show(started.elapsed(), &report, gateway.waiters()),
        }
    }
    progress.clear();
    Ok(report)
}
