//! `--demo`: the gateway under load, over real sockets.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use axum::body::{self, Body};
use axum::http::uri::{Authority, PathAndQuery};
use rusqlite::Connection;
use tidegate_tokio::ServiceReport;
use tokio::sync::mpsc;
use tokio::time::{self, MissedTickBehavior};

use super::checks::Checks;
use super::flaky::{Figures, Flaky, Temper};
use super::load::{self, CROWDS, Sample};
use super::progress::Progress;
use super::report::{Report, Row};
use super::served::served;
use crate::connections;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::http::{self, Slowness};
use crate::options::Options;
use crate::output::print;
use crate::server::LOOPBACK;

pub(crate) async fn run(span: Duration, mut options: Options) -> Result<(), Failure> {
    (options.behind_proxy, options.slowness) = (true, Slowness::ENDLESS);
    let (listener, address) = connections::listen(LOOPBACK).await?;
    let Flaky { authority, figures } = Flaky::start(Temper::BAD).await?;
    let (gateway, (report, exported), stopped) = served(listener, authority, &options, async |gateway| {
        watch(gateway, address, span, options.permits).await
    })
    .await?;

    let mut checks = Checks::default();
    check_upstream(&mut checks, &figures, options.permits as u64, gateway);
    check_answers(&mut checks, &report, &figures);
    check_log(&mut checks, &report, gateway, exported)?;
    check_stop(&mut checks, &stopped.report, gateway, options.permits);
    let pages = gateway.pages.stats();
    print(&format!(
        "\n{report}\npages: {} from the cache, {} fetched, {} waited for those; {} lockouts; {} batches of rows\n\n{checks}",
        pages.hits,
        pages.misses,
        pages.joined,
        gateway.upstream.lockouts(),
        gateway.log.stats().done,
    ))?;
    match checks.broken() {
        0 => Ok(()),
        broken => Err(Failure::Run(format!("broken invariants: {broken}"))),
    }
}

/// Sends traffic for so long; answers what became of it, and what an export had meanwhile.
async fn watch(
    gateway: &'static Gateway,
    address: SocketAddr,
    span: Duration,
    permits: usize,
) -> Result<(Report, Exported), Failure> {
    let Temper { work, limit, active, rest, .. } = Temper::BAD;
    print(&format!(
        "{} clients of {} classes ask for {} s at http://{address}/api, whose upstream takes {limit} requests per\n\
         second, {} at a time, in {} ms each on average, and rests {} s after every {} s\n",
        CROWDS.iter().map(|crowd| u32::from(crowd.clients)).sum::<u32>(),
        CROWDS.len(),
        span.as_secs_f64(),
        permits,
        work.as_millis(),
        rest.as_secs_f64(),
        active.as_secs_f64(),
    ))?;

    let outcomes = load::start(address, span);
    let exporting = tokio::spawn(export(gateway, address, span / 2));
    let report = gather(outcomes, gateway, span).await?;
    let exported = exporting.await.map_err(Failure::to("export"))??;
    Ok((report, exported))
}

fn check_upstream(checks: &mut Checks, upstream: &Figures, permits: u64, gateway: &Gateway) {
    let peak = upstream.peak();
    checks.add(peak <= permits, format!("never more than {permits} in the upstream at once (it saw {peak})"));
    let over = upstream.over_limit();
    checks.add(over == 0, format!("never more than its limit in any second ({over} were too many)"));
    let (rests, most) = (upstream.rests(), upstream.most_disturbed());
    checks.add(
        most <= permits && gateway.upstream.lockouts() >= rests,
        format!("left alone when it says so: only who was on the way disturbed its {rests} rests, {most} at most"),
    );
}

fn check_answers(checks: &mut Checks, report: &Report, upstream: &Figures) {
    checks.add(report.rows.iter().all(|row| row.answered() > 0), "every class was served");
    let (ordered, hung_up) = (report.total(|row| row.ordered), report.total(|row| row.hung_up));
    let orders = upstream.orders();
    checks.add(
        (ordered..=ordered + hung_up).contains(&orders),
        format!("each order that was confirmed was carried out, once ({ordered} confirmed, {orders} carried out)"),
    );
    let (failed, intended) = (report.total(|row| row.failed), report.total(|row| row.upstream));
    checks.add(
        failed == 0 && (intended == 0 || upstream.failed() > 0),
        format!("no request failed but by the upstream ({failed} did, beside {intended})"),
    );
}

fn check_log(checks: &mut Checks, report: &Report, gateway: &Gateway, exported: Exported) -> Result<(), Failure> {
    let accepted = gateway.log.stats().accepted;
    let count = |database: Connection, rows: &str| -> rusqlite::Result<u64> {
        database.query_row(&format!("SELECT count(*) FROM access WHERE {rows}"), (), |row| row.get(0))
    };
    let read = |rows| gateway.database.reader().and_then(|database| count(database, rows));
    let rows = read("true").map_err(Failure::to("read the log"))?;
    checks.add(rows == accepted, format!("no accepted row was lost ({accepted} accepted, {rows} in the file)"));
    let (heard, answers) = (report.total(Row::heard), read("status <> 499").map_err(Failure::to("read the log"))?);
    checks.add(answers >= heard, format!("whoever was answered is in the log ({heard} were, {answers} rows)"));
    let Exported { rows, written } = exported;
    checks.add(rows >= written, format!("the export had all that was written ({written} rows, it had {rows})"));
    Ok(())
}

fn check_stop(checks: &mut Checks, report: &ServiceReport, gateway: &Gateway, permits: usize) {
    checks.add(report.is_clean(), format!("everything stopped in order ({report})"));
    checks.add(
        gateway.upstream.available_permits() == permits && gateway.upstream.waiters() == 0,
        "in the end all permits were back and nobody stood in line",
    );
}

/// Gathers outcomes until the last one, and shows how it is going.
async fn gather(
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
            _ = ticks.tick() => progress.show(started.elapsed(), &report, gateway.upstream.waiters()),
        }
    }
    progress.clear();
    Ok(report)
}

/// What an export had.
#[derive(Clone, Copy, Debug)]
struct Exported {
    rows: u64,
    /// How many rows were in the file before.
    written: u64,
}

/// Reads the log by way of the gateway, in the middle of its work.
async fn export(gateway: &'static Gateway, address: SocketAddr, after: Duration) -> Result<Exported, Failure> {
    time::sleep(after).await;
    let stats = gateway.log.stats();
    let written = stats.accepted - stats.unfinished as u64;
    let authority = Authority::try_from(address.to_string()).map_err(Failure::to("name the gateway"))?;
    let uri = http::uri(&authority, PathAndQuery::from_static("/export"));
    let uri = uri.ok_or_else(|| Failure::Run("cannot name the export".into()))?;
    let response = http::client().get(uri).await.map_err(Failure::to("export"))?;
    let lines = body::to_bytes(Body::new(response), usize::MAX).await.map_err(Failure::to("read the export"))?;
    let is_row = |line: &&[u8]| line.starts_with(b"{\"number\":") && line.ends_with(b"}");
    Ok(Exported { rows: lines.split(|&byte| byte == b'\n').filter(is_row).count() as u64, written })
}
