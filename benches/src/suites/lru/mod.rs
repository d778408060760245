//! The maps that evict, beside their peers: `u64` to `u64`, one hasher for all, keys by Zipf's law.
//!
//! The exact ones are `schnellru`, `lru`, `hashlink` and `clru`. `quick_cache` is another kind (it may be shared
//! among threads, and evicts by a cheaper rule); it is there for orientation. How much memory a full `Lru` takes is
//! checked by the tests of allocation.

mod contender;
pub(super) mod keys;
mod timed;
mod work;

use contender::Quick;
use tidegate_core::Heap;
use tidegate_core::lru::{DefaultHashBuilder, Lru};
use work::{GetOrInsert, Hit, Insert, Work};

use crate::harness::{Contenders, Group, Row};

type Hasher = DefaultHashBuilder;

/// Capacities, and what they are called.
const SIZES: [(usize, &str); 2] = [(10_000, "10 000 entries"), (100_000, "100 000 entries")];

/// The peers that evict by the same rule.
const EXACT: [&str; 4] = ["schnellru", "lru", "hashlink", "clru"];

pub(super) fn groups() -> Vec<Group> {
    let hit = |(capacity, label)| row(label, 0.95, move |row| for_all(row, capacity, &Hit::new(capacity)));
    let insert = |(capacity, label)| {
        let limit = if capacity > 50_000 { 0.75 } else { 1.05 };
        row(label, limit, move |row| for_all(row, capacity, &Insert::new(capacity)))
    };
    let get_or_insert =
        |(capacity, label)| row(label, 0.95, move |row| for_all(row, capacity, &GetOrInsert::new(capacity)));
    vec![
        Group { name: "lru/hit", about: "a key that is there", rows: SIZES.map(hit).into() },
        Group { name: "lru/insert", about: "a new key into a full map", rows: SIZES.map(insert).into() },
        Group {
            name: "lru/get-or-insert",
            about: "ten times as many keys as there is room for",
            rows: SIZES.map(get_or_insert).into(),
        },
        timed::group(),
    ]
}

fn row(label: &str, limit: f64, fill: impl Fn(&mut Contenders) + 'static) -> Row {
    EXACT.into_iter().fold(Row::new(label, fill).countable(true), |row, peer| row.at_most(limit, peer))
}

fn for_all(row: &mut Contenders, capacity: usize, work: &impl Work) {
    let mut own = Lru::<u64, u64, Heap>::new(capacity);
    own.reserve();
    row.add("tidegate", work.batches(own))
        .add("schnellru", work.batches(contender::schnellru(capacity)))
        .add("lru", work.batches(contender::lru(capacity)))
        .add("hashlink", work.batches(contender::hashlink(capacity)))
        .add("clru", work.batches(contender::clru(capacity)))
        .add("quick_cache", work.batches(Quick::new(capacity)));
}
