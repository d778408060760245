//! What is done now and then: [`Job`]s that come out of a [`Scheduler`] when their time has come, in a
//! [`BackgroundLoop`], so that they neither wait for requests nor hold them up.

use core::time::Duration;

use tidegate_tokio::{BackgroundLoop, MissedTickBehavior, Scheduler};

use crate::failure::Failure;
use crate::gateway::Gateway;

/// How many rows the access log keeps.
const ROWS: u64 = 10_000_000;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    /// Drop pages that are past their time.
    Purge,
    /// Move what has been logged into the file proper.
    Checkpoint,
    /// Forget the oldest rows.
    Forget,
}

impl Job {
    const ALL: [Self; 3] = [Self::Purge, Self::Checkpoint, Self::Forget];

    const fn period(self) -> Duration {
        match self {
            Self::Purge => Duration::from_secs(1),
            Self::Checkpoint => Duration::from_secs(10),
            Self::Forget => Duration::from_mins(10),
        }
    }

    async fn run(self, gateway: &Gateway) {
        match self {
            Self::Purge => gateway.pages.purge(),
            Self::Checkpoint => gateway.database.checkpoint().await,
            Self::Forget => gateway.database.keep(ROWS).await,
        }
    }
}

/// Starts a loop that does them, until the scheduler is closed.
pub(crate) fn start(gateway: &'static Gateway) -> Result<BackgroundLoop, Failure> {
    schedule(&gateway.jobs).map_err(Failure::to("schedule jobs"))?;
    let maintenance = BackgroundLoop::new("maintenance").map_err(Failure::to("start maintenance"))?;
    let work = async {
        while let Ok(due) = gateway.jobs.next().await {
            due.into_inner().run(gateway).await;
        }
    };
    let scheduled = maintenance.schedule(work);
    scheduled.map(drop).map_err(|_closed| Failure::Run("cannot start maintenance".into()))?;
    Ok(maintenance)
}

fn schedule(jobs: &Scheduler<Job>) -> Result<(), tidegate_tokio::InsertError<Job>> {
    Job::ALL.iter().try_for_each(|&job| jobs.insert_every(job.period(), MissedTickBehavior::Skip, job).map(drop))
}
