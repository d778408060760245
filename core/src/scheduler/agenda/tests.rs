//! The agenda against a sorted list.

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::Inline;

/// Places by deadline and by arrival.
#[derive(Default)]
struct Naive {
    entries: BTreeMap<(u64, u64), u32>,
    by_place: BTreeMap<u32, (u64, u64)>,
    arrivals: u64,
}

impl Naive {
    fn insert(&mut self, place: u32, deadline: u64) {
        self.arrivals += 1;
        self.entries.insert((deadline, self.arrivals), place);
        self.by_place.insert(place, (deadline, self.arrivals));
    }

    fn remove(&mut self, place: u32) {
        if let Some(key) = self.by_place.remove(&place) {
            self.entries.remove(&key);
        }
    }

    fn first(&self) -> Option<(u64, u32)> {
        self.entries
            .iter()
            .find(|((deadline, _), _)| *deadline != NEVER)
            .map(|(&(deadline, _), &place)| (deadline, place))
    }
}

fn find<S: Storage>(agenda: &mut Agenda<S>, now: u64) -> Option<(u64, u32)> {
    loop {
        match agenda.seek(now, 1) {
            Sought::Exact { deadline, place, .. } => return (deadline <= now).then_some((deadline, place)),
            Sought::Unsorted(_) => {
                agenda.check();
            }
            Sought::NotBefore(bound) => {
                assert!(bound > now);
                return None;
            }
            Sought::Nothing => return None,
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u64),
    /// Relative to the time.
    InsertAfter(u64),
    Remove(prop::sample::Index),
    Pop(u64),
    /// One step of whatever is to be done by now, and no more.
    Step,
    /// The clock goes back.
    Back(u64),
}

fn spans() -> impl Strategy<Value = u64> {
    // Of every magnitude, and many that are equal.
    prop_oneof![4 => 0..4_u64, 4 => 0..100_u64, 2 => 0..10_000_u64, 3 => (0..64_u32, any::<u64>()).prop_map(|(bits, random)| random >> bits)]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => prop_oneof![8 => spans(), 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)].prop_map(Op::Insert),
        12 => spans().prop_map(Op::InsertAfter),
        4 => any::<prop::sample::Index>().prop_map(Op::Remove),
        8 => spans().prop_map(Op::Pop),
        2 => Just(Op::Step),
        1 => spans().prop_map(Op::Back),
    ];
    prop::collection::vec(op, 0..400)
}

fn run<S: Storage>(ops: Vec<Op>, places: u32) -> Result<(), TestCaseError> {
    let (mut agenda, mut naive) = (Agenda::<S>::new(), Naive::default());
    let mut now = 0_u64;
    for op in ops {
        match op {
            Op::Insert(_) | Op::InsertAfter(_) => {
                let deadline = match op {
                    Op::Insert(deadline) => deadline,
                    Op::InsertAfter(span) => now.saturating_add(span),
                    _ => unreachable!(),
                };
                let Some(place) = (0..places).find(|place| !naive.by_place.contains_key(place)) else { continue };
                prop_assert!(agenda.insert(place, deadline, now));
                naive.insert(place, deadline);
                prop_assert_eq!(agenda.deadline(place), (deadline, false));
            }
            Op::Remove(which) => {
                if !naive.by_place.is_empty() {
                    let places: Vec<u32> = naive.by_place.keys().copied().collect();
                    let place = *which.get(&places);
                    agenda.remove(place);
                    naive.remove(place);
                }
            }
            Op::Pop(span) => {
                now = now.saturating_add(span).min(NEVER - 1);
                while let Some((deadline, place)) = naive.first().filter(|&(deadline, _)| deadline <= now) {
                    prop_assert_eq!(find(&mut agenda, now), Some((deadline, place)));
                    agenda.remove(place);
                    naive.remove(place);
                }
                prop_assert_eq!(find(&mut agenda, now), None);
            }
            Op::Step => {
                agenda.seek(now, 1);
            }
            Op::Back(span) => now = now.saturating_sub(span),
        }
        let first = naive.first().map(|(deadline, _)| deadline);
        prop_assert_eq!(agenda.first(), first);
        prop_assert!(agenda.bound() <= first && agenda.bound().is_some() == first.is_some());
        let timed = naive.entries.keys().filter(|&&(deadline, _)| deadline != NEVER).count();
        prop_assert_eq!(agenda.check(), timed);
    }
    Ok(())
}

proptest! {
    #[cfg(feature = "alloc")]
    #[test]
    fn on_the_heap_it_is_a_sorted_list(ops in ops()) {
        run::<crate::Heap>(ops, 200)?;
    }

    #[test]
    fn inline_it_is_a_sorted_list(ops in ops()) {
        run::<Inline<12>>(ops, 12)?;
    }
}

#[test]
fn numbers_that_run_out_are_given_out_anew() {
    let mut heap = Heap::<Inline<8>, { Spot::LATE }>::new();
    let mut spots = [Spot::NOWHERE; 8];
    assert!(heap.insert(0, 5, &mut spots));
    heap.set_next_number(u32::MAX - 2);
    for place in 1..8 {
        assert!(heap.insert(place, 5, &mut spots));
        heap.check(&spots);
    }
    for place in 0..8 {
        assert_eq!(heap.first(), Some((5, place)));
        heap.remove(0, &mut spots);
        heap.check(&spots);
    }
}

#[test]
fn without_room_nothing_changes() {
    let mut agenda = Agenda::<Inline<2>>::new();
    assert!(agenda.insert(0, 5, 0) && agenda.insert_wall(1, 3));
    assert!(!agenda.insert(2, 1, 0) && !agenda.insert_wall(2, 1));
    assert_eq!((agenda.first(), agenda.first_wall()), (Some(5), Some((3, 1))));
}

#[cfg(feature = "alloc")]
#[test]
fn what_is_cancelled_leaves_nothing_behind() {
    let mut agenda = Agenda::<crate::Heap>::new();
    assert!(agenda.insert(0, 1 << 40, 0));
    for round in 0..100_000_u64 {
        assert!(agenda.insert(1, (1 << 40) + (round << 20), 0));
        agenda.remove(1);
    }
    assert!(agenda.chunks() <= 2, "{} chunks", agenda.chunks());
}

#[cfg(feature = "alloc")]
#[test]
fn many_that_come_at_once_are_sorted_a_few_at_a_time() {
    const MANY: u32 = 10_000;
    let mut agenda = Agenda::<crate::Heap>::new();
    for place in 0..MANY {
        assert!(agenda.insert(place, (1 << 40) + u64::from(place % 100), 0));
    }
    let (mut steps, mut found) = (0, 0);
    while found < MANY {
        match agenda.seek(u64::MAX, 1) {
            Sought::Unsorted(_) => steps += 1,
            Sought::Exact { deadline, place, .. } => {
                assert_eq!(
                    (deadline - (1 << 40), place),
                    (u64::from(found / 100), found / 100 + found % 100 * 100)
                );
                agenda.remove(place);
                found += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((MANY / 15..MANY / 3).contains(&steps), "{steps} steps");
}

/// What comes while the others are on their way to a bag below has its turn behind them.
#[cfg(feature = "alloc")]
#[test]
fn a_tie_stands_behind_those_that_are_being_sorted() {
    const DEADLINE: u64 = 1 << 20;
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    for place in 0..40 {
        assert!(agenda.insert(place, DEADLINE, 0));
    }
    assert_eq!(agenda.seek(DEADLINE, 1), Sought::Unsorted(DEADLINE));
    assert!(agenda.insert(40, DEADLINE, DEADLINE));
    for place in 0..=40 {
        assert_eq!(find(&mut agenda, DEADLINE), Some((DEADLINE, place)));
        agenda.remove(place);
    }
}

/// What comes while the front is worked off goes ahead of what is later in it, and behind what is equal.
#[cfg(feature = "alloc")]
#[test]
fn newcomers_find_their_turn_beside_the_front() {
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    let deadline = |place: u32| 1_000 + u64::from(place / 2) * 10;
    for place in 0..8 {
        assert!(agenda.insert(place, deadline(place), 0));
    }
    let take = |agenda: &mut Agenda<crate::Heap>, expected: (u64, u32)| {
        assert_eq!(find(agenda, 2_000), Some(expected));
        agenda.remove(expected.1);
    };
    take(&mut agenda, (1_000, 0));
    // The front is there now: one more like each that is left in it, one in each gap, and many at the end of all.
    for (place, deadline) in [(8, 1_000), (9, 1_010), (10, 1_015), (11, 1_030)] {
        assert!(agenda.insert(place, deadline, 1_000));
    }
    for place in 20..60 {
        assert!(agenda.insert(place, 1_025, 1_000));
    }
    agenda.remove(4);
    for (deadline, place) in [(1_000, 1), (1_000, 8), (1_010, 2), (1_010, 3), (1_010, 9), (1_015, 10), (1_020, 5)]
    {
        take(&mut agenda, (deadline, place));
    }
    for place in 20..60 {
        take(&mut agenda, (1_025, place));
    }
    for place in [6, 7, 11] {
        take(&mut agenda, (1_030, place));
    }
    assert_eq!((agenda.seek(NEVER, 1), agenda.bound(), agenda.check()), (Sought::Nothing, None, 0));
}

/// The chunks of a front come free once it is worked off, whether its deadlines came out or were cancelled.
#[cfg(feature = "alloc")]
#[test]
fn a_front_gives_its_chunks_back() {
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    assert!(agenda.insert(0, 1 << 50, 0));
    for round in 1..1_000_u64 {
        for place in 1..=20 {
            assert!(agenda.insert(place, (round << 10) + u64::from(place), round << 10));
        }
        let (_, first) = find(&mut agenda, (round << 10) + 500).expect("all are due");
        assert_eq!(first, 1);
        // More than the next round takes come free meanwhile.
        for place in 30..34 {
            assert!(agenda.insert(place, 1 << place, round << 10));
        }
        (30..34).for_each(|place| agenda.remove(place));
        for place in 1..=20 {
            agenda.remove(place);
        }
        agenda.check();
    }
    assert!(agenda.chunks() <= 12, "{} chunks", agenda.chunks());
}

/// Those that are further apart than a key can say are sorted the long way.
#[cfg(feature = "alloc")]
#[test]
fn what_lies_years_apart_is_in_order_too() {
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    let deadlines = [8 << 60, (8 << 60) + (1 << 59), (8 << 60) + (1 << 56), (8 << 60) + 1];
    for (place, deadline) in (0..).zip(deadlines) {
        assert!(agenda.insert(place, deadline, 0));
    }
    for place in [0, 3, 2, 1_u32] {
        assert_eq!(find(&mut agenda, NEVER), Some((deadlines[place as usize], place)));
        agenda.remove(place);
    }
}

/// Newcomers that go ahead of the front do so also while they are being sorted.
#[cfg(feature = "alloc")]
#[test]
fn the_front_waits_while_newcomers_are_sorted() {
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    for (place, deadline) in [(0, 4_096), (1, 5_000)] {
        assert!(agenda.insert(place, deadline, 0));
    }
    assert_eq!(find(&mut agenda, 10_000), Some((4_096, 0)));
    // So many that it takes steps, and the first of them last.
    for place in 10..60 {
        assert!(agenda.insert(place, 5_050, 4_096));
    }
    assert!(agenda.insert(60, 4_999, 4_096));
    agenda.remove(0);
    while let Sought::Unsorted(_) = agenda.seek(10_000, 1) {}
    for (deadline, place) in [(4_999, 60), (5_000, 1), (5_050, 10)] {
        assert_eq!(find(&mut agenda, 10_000), Some((deadline, place)));
        agenda.remove(place);
    }
}

/// A chunk with one deadline left need not have the first one of its bag.
#[cfg(feature = "alloc")]
#[test]
fn what_cancellation_thinned_out_is_still_in_order() {
    let mut agenda: Agenda<crate::Heap> = Agenda::new();
    for place in 0..20_u32 {
        assert!(agenda.insert(place, 4_096 + u64::from(100 - place), 0));
    }
    for place in 1..15 {
        agenda.remove(place);
    }
    for place in [19, 18, 17, 16, 15, 0_u32] {
        assert_eq!(find(&mut agenda, 10_000), Some((4_096 + u64::from(100 - place), place)));
        agenda.remove(place);
    }
}
