//! [`Upstream`]: the server behind the gateway, and the [`Gate`] before it.
//!
//! The gate is a semaphore (so many at once, the most urgent first), a rate limiter (so many in any second) and a
//! lockout (nobody, once the upstream has answered 429, until it says). The upstream keeps no line of its own for as
//! long as it is asked no more than it can take; so the line is here, where it knows priorities.

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::uri::Authority;
use tidegate_tokio::gate::Pass;
use tidegate_tokio::{
    Clock, Config, FifoLockout, Gate, Instant, InvalidQuota, Priority, Quota, RateLimiter, Semaphore, TaskGroup,
    TokioTimer, timeout_at,
};

use crate::answering::Answering;
use crate::apart::Apart;
use crate::http::{Answer, Client, Outbound, Slowness};
use crate::options::Options;
use crate::outlive::Outliving;
use crate::packed::Spare;
use crate::refusal::Refusal;
use crate::telemetry::Telemetry;
use crate::urgency::Class;

/// Whom many have overtaken goes first for once, so that urgent traffic cannot starve the rest. The number is
/// well above the backlog of a healthy day, on which nobody is to notice it.
const MAX_BYPASS: u32 = 2_000;
/// How many may stand in line: whoever comes then would wait in vain.
const LINE: usize = 4_000;
/// How often a request is sent that the upstream does not take.
const ATTEMPTS: u32 = 3;
/// How long the upstream is left alone if it does not say, and at most.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Upstream {
    authority: Authority,
    client: Client,
    permits: Apart<Semaphore>,
    rate: Apart<RateLimiter>,
    rest: Apart<FifoLockout>,
    /// Calls go on when their clients have gone, and are waited for in the end.
    calls: TaskGroup,
    telemetry: Arc<Telemetry>,
    patience: Duration,
    slowness: Slowness,
    /// Who stands in line, by class.
    lines: [AtomicUsize; Class::ALL.len()],
    lockouts: AtomicU64,
}

type UpstreamGate = Gate<&'static Semaphore, &'static RateLimiter, &'static FifoLockout>;

/// An answer, and how long its request stood in line.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) answer: Answer,
    pub(crate) waited: Duration,
}

impl Upstream {
    pub(crate) fn new(
        authority: Authority,
        options: &Options,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, InvalidQuota> {
        let second = Duration::from_secs(1).saturating_add(options.slack);
        let burst = u32::try_from(options.permits).unwrap_or(u32::MAX).min(options.rate);
        // The first keeps to the limit in every second, the second spreads requests over it.
        let quotas = [Quota::sliding(options.rate, second)?, Quota::per(options.rate, second)?.burst(burst)?];
        Ok(Self {
            authority,
            client: crate::http::client(),
            permits: Apart(Semaphore::with_config(options.permits, Config::new().max_bypass(MAX_BYPASS))),
            rate: Apart(RateLimiter::with_quotas(&quotas)?),
            rest: Apart(FifoLockout::new()),
            calls: TaskGroup::new(),
            telemetry,
            patience: options.patience,
            slowness: options.slowness,
            lines: [const { AtomicUsize::new(0) }; Class::ALL.len()],
            lockouts: AtomicU64::new(0),
        })
    }

    /// Stands in line, then has the upstream answer.
    ///
    /// # Cancel safety
    ///
    /// In line, dropping the future gives the place up and nothing else. In the upstream it changes nothing: the work
    /// there goes on, so the permit stays with it.
    #[expect(clippy::manual_async_fn, reason = "it would have room for the request twice")]
    pub(crate) fn fetch(
        &'static self,
        mut request: Outbound,
        priority: Priority,
    ) -> impl Future<Output = Result<Fetched, Refusal>> + Send {
        async move {
            let mut waited = Duration::ZERO;
            let mut deadline = None;
            let mut attempt = 1;
            loop {
                let pass = if let Ok(pass) = self.gate().try_enter() {
                    pass
                } else {
                    let arrived = TokioTimer.now();
                    let deadline = *deadline.get_or_insert(arrived + self.patience);
                    let pass = self.stand_in_line(priority, deadline).await?;
                    waited += TokioTimer.now().duration_since(arrived);
                    pass
                };
                let spare = (attempt < ATTEMPTS).then(|| Spare::new(&request));
                let answering = Answer::to(request, &self.client, &self.authority);
                let call = Call { answering, pass: Some(pass), upstream: self };
                let until = TokioTimer.now() + self.slowness.answer;
                // On the way it is to stay, with its pass, also if nobody waits for it any more.
                let answer = Outliving::new(&self.calls, until, call).await.ok_or(Refusal::Late)??;
                // It was not taken, so nothing was done: it may be sent again.
                if answer.status != StatusCode::TOO_MANY_REQUESTS {
                    return Ok(Fetched { answer, waited });
                }
                request = spare.ok_or_else(|| self.locked_out())?.unpack();
                attempt += 1;
            }
        }
    }

    fn gate(&'static self) -> UpstreamGate {
        Gate::new().semaphore(&*self.permits).limiter(&*self.rate).lockout(&*self.rest)
    }

    async fn stand_in_line(
        &'static self,
        priority: Priority,
        deadline: Instant,
    ) -> Result<Pass<&'static Semaphore>, Refusal> {
        if self.rest.locked_until().is_some_and(|until| until > deadline) {
            return Err(self.locked_out());
        }
        if self.permits.waiters() >= LINE {
            return Err(self.overloaded());
        }
        let _standing = Standing::new(self, Class::of(priority));
        match timeout_at(&TokioTimer, deadline, self.gate().enter_with_priority(priority)).await {
            Ok(Ok(pass)) => Ok(pass),
            Err(_elapsed) if self.rest.locked_until().is_some() => Err(self.locked_out()),
            Ok(Err(_)) | Err(_) => Err(self.overloaded()),
        }
    }

    fn leave_alone(&self, rest: Duration) {
        // On the heap there is room for any number of them.
        if self.rest.lock_for(rest).is_ok() {
            self.lockouts.fetch_add(1, Ordering::Relaxed);
            self.telemetry.locked_out(rest);
        }
    }

    fn locked_out(&self) -> Refusal {
        let until = self.rest.locked_until().unwrap_or(Instant::EPOCH);
        Refusal::LockedOut { again: until.duration_since(TokioTimer.now()).max(REST) }
    }

    const fn overloaded(&self) -> Refusal {
        Refusal::Overloaded { again: self.patience }
    }

    /// Whoever shows a length last has seen it to be the present one.
    fn show_line(&self, class: Class) {
        let line = &self.lines[class.index()];
        let mut length = line.load(Ordering::SeqCst);
        loop {
            self.telemetry.waiting(class, length);
            match line.load(Ordering::SeqCst) {
                now if now == length => return,
                now => length = now,
            }
        }
    }

    /// Waits until the calls have ended that nobody waits for any more, and lets no more begin.
    pub(crate) async fn close(&self) {
        self.calls.close().await;
    }

    /// How many stand in line.
    pub(crate) fn waiters(&self) -> usize {
        self.permits.waiters()
    }

    pub(crate) fn available_permits(&self) -> usize {
        self.permits.available_permits()
    }

    /// How often it wanted to be left alone.
    pub(crate) fn lockouts(&self) -> u64 {
        self.lockouts.load(Ordering::Relaxed)
    }
}

/// A request that is in the upstream.
struct Call {
    answering: Answering,
    /// Until it has been answered.
    pass: Option<Pass<&'static Semaphore>>,
    upstream: &'static Upstream,
}

impl Future for Call {
    type Output = Result<Answer, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answering).poll(cx));
        // Before the pass is given back: nobody may follow.
        if let Ok(answer) = &answer
            && let Some(rest) = wanted_rest(answer)
        {
            self.upstream.leave_alone(rest);
        }
        self.pass = None;
        Poll::Ready(answer)
    }
}

/// For how long the upstream wants to be left alone, if it does.
fn wanted_rest(answer: &Answer) -> Option<Duration> {
    let said = || tidegate_tower::retry_after(&answer.headers);
    let rest = match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(said().unwrap_or(REST)),
        StatusCode::SERVICE_UNAVAILABLE => said(),
        _ => None,
    };
    rest.map(|rest| rest.min(LONGEST_REST))
}

/// Somebody in line, who is counted there.
struct Standing {
    upstream: &'static Upstream,
    class: Class,
}

impl Standing {
    fn new(upstream: &'static Upstream, class: Class) -> Self {
        upstream.lines[class.index()].fetch_add(1, Ordering::SeqCst);
        upstream.show_line(class);
        Self { upstream, class }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.upstream.lines[self.class.index()].fetch_sub(1, Ordering::SeqCst);
        self.upstream.show_line(self.class);
    }
}
