//! How many at once: beside tower's own limit and shedding.

use tidegate_tokio::Priority;
use tidegate_tower::{ConcurrencyLimitLayer, LoadShedLayer, PriorityLimitLayer, Raise};
use tower::Layer as _;
use tower::limit::ConcurrencyLimit as TowersLimit;
use tower::load_shed::LoadShed as TowersShed;

use super::work::{Busy, Echo, calls, clones};
use crate::harness::{Contenders, Group, Row};

const PERMITS: usize = 8;

pub(super) fn groups() -> Vec<Group> {
    vec![Group {
        name: "tower/limits",
        about: "a call of a service that answers at once, with a permit free",
        rows: vec![
            Row::new("concurrency limit", concurrency).countable(true).at_most(1.0, "tower"),
            Row::new("concurrency limit, a clone per call", concurrency_clones)
                .countable(true)
                .at_most(1.0, "tower"),
            Row::new("priority limit", priority).countable(true).at_most(1.0, "tower, no priority"),
            Row::new("priority limit, a clone per call", priority_clones)
                .countable(true)
                .at_most(1.0, "tower, no priority"),
            Row::new("load shed, ready", ready).countable(true).at_most(1.0, "tower"),
            // Tower's refusal says nothing; somebody else has to make an answer of it.
            Row::new("load shed, refused", refused).countable(true),
        ],
    }]
}

const fn plain(nth: u64) -> u64 {
    nth
}

fn limit() -> impl tower::Service<u64, Error: core::fmt::Debug> + Clone + 'static {
    ConcurrencyLimitLayer::new(PERMITS).refuse_with(Raise).layer(Echo)
}

fn by_priority() -> impl tower::Service<u64, Error: core::fmt::Debug> + Clone + 'static {
    let urgency = |request: &u64| Priority((*request & 7) as i32);
    PriorityLimitLayer::new(PERMITS, urgency).refuse_with(Raise).layer(Echo)
}

fn bounded() -> impl tower::Service<u64, Error: core::fmt::Debug> + Clone + 'static {
    let urgency = |request: &u64| Priority((*request & 7) as i32);
    PriorityLimitLayer::new(PERMITS, urgency).max_waiting(100).refuse_with(Raise).layer(Echo)
}

fn concurrency(row: &mut Contenders) {
    row.add("tidegate", calls(limit, plain))
        .add("tower", calls(|| TowersLimit::new(Echo, PERMITS), plain))
        .add("no layer", calls(|| Echo, plain));
}

fn concurrency_clones(row: &mut Contenders) {
    row.add("tidegate", clones(limit, plain))
        .add("tower", clones(|| TowersLimit::new(Echo, PERMITS), plain))
        .add("no layer", clones(|| Echo, plain));
}

fn priority(row: &mut Contenders) {
    row.add("tidegate", calls(by_priority, plain))
        .add("tidegate, a bound on who waits", calls(bounded, plain))
        .add("tower, no priority", calls(|| TowersLimit::new(Echo, PERMITS), plain));
}

fn priority_clones(row: &mut Contenders) {
    row.add("tidegate", clones(by_priority, plain))
        .add("tidegate, a bound on who waits", clones(bounded, plain))
        .add("tower, no priority", clones(|| TowersLimit::new(Echo, PERMITS), plain));
}

fn ready(row: &mut Contenders) {
    row.add("tidegate", calls(|| LoadShedLayer::new().refuse_with(Raise).layer(Echo), plain))
        .add("tower", calls(|| TowersShed::new(Echo), plain))
        .add("no layer", calls(|| Echo, plain));
}

fn refused(row: &mut Contenders) {
    row.add("tidegate", calls(|| LoadShedLayer::new().refuse_with(Raise).layer(Busy), plain))
        .add("tower", calls(|| TowersShed::new(Busy), plain));
}
