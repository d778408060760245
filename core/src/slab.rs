//! [`Slab`]: values at stable places, in either storage, with keys that go stale.

use core::mem;

use crate::storage::{Buffer, Storage};

/// No place.
pub(crate) const NONE: u32 = u32::MAX;

/// A place and the generation it had when it was taken. A key of an earlier generation finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// A place. The generation counts how often it has been vacated; it stands in either variant, and not beside
/// them, because there it fits behind the tag.
enum Slot<T> {
    Occupied {
        generation: u32,
        value: T,
    },
    Vacant {
        generation: u32,
        /// The next vacant place, or `NONE`.
        next: u32,
    },
}

/// Values at stable places. The place vacated last is taken first.
pub(crate) struct Slab<T, S: Storage> {
    slots: S::Buffer<Slot<T>>,
    /// The first vacant place, or `NONE`.
    vacant: u32,
    /// This place and all behind it are vacant too, and not in the list.
    fresh: u32,
}

impl<T, S: Storage> Slab<T, S> {
    pub(crate) const fn new() -> Self {
        Self { slots: <S::Buffer<Slot<T>> as Buffer<Slot<T>>>::EMPTY, vacant: NONE, fresh: 0 }
    }

    /// Whether there is a place for another value.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        let capacity = <S::Buffer<Slot<T>> as Buffer<Slot<T>>>::CAPACITY.min(NONE as usize);
        self.vacant != NONE || (self.fresh as usize) < capacity
    }

    /// Takes a place for `value`, or gives it back if the storage is full.
    #[expect(clippy::inline_always, reason = "handed over in memory, the value would be waited for")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, value: T) -> Result<Key, T> {
        let Some(key) = self.take_vacant() else { return Err(value) };
        let Some(slot) = self.slots.as_mut_slice().get_mut(key.index as usize) else {
            unreachable!("the place is there")
        };
        *slot = Slot::Occupied { generation: key.generation, value };
        Ok(key)
    }

    /// Takes a vacant place out of the list, or a fresh one, or makes one; `None` if the storage is full.
    #[inline]
    fn take_vacant(&mut self) -> Option<Key> {
        let index = self.vacant;
        if let Some(Slot::Vacant { generation, next }) = self.slots.as_slice().get(index as usize) {
            self.vacant = *next;
            return Some(Key { index, generation: *generation });
        }
        let index = self.fresh;
        if let Some(Slot::Vacant { generation, .. }) = self.slots.as_slice().get(index as usize) {
            self.fresh += 1;
            return Some(Key { index, generation: *generation });
        }
        self.grow()
    }

    /// Makes a place.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Option<Key> {
        let index = self.fresh;
        if index == NONE {
            return None;
        }
        self.slots.push(Slot::Vacant { generation: 0, next: NONE }).ok()?;
        self.fresh += 1;
        Some(Key { index, generation: 0 })
    }

    /// Forgets in which order places were vacated. To be called only while all of them are vacant.
    ///
    /// A list of a million places in random order costs a million cache misses; in order of place it costs few.
    pub(crate) fn rewind(&mut self) {
        (self.vacant, self.fresh) = (NONE, 0);
    }

    /// Vacates a place; every key to it goes stale.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        self.remove_entry(index).map(|(_, value)| value)
    }

    /// Vacates a place; answers the key that has gone stale, too.
    #[inline]
    pub(crate) fn remove_entry(&mut self, index: u32) -> Option<(Key, T)> {
        let slot = self.slots.as_mut_slice().get_mut(index as usize)?;
        let Slot::Occupied { generation, .. } = *slot else { return None };
        let vacant = Slot::Vacant { generation: generation.wrapping_add(1), next: self.vacant };
        self.vacant = index;
        match mem::replace(slot, vacant) {
            Slot::Occupied { value, .. } => Some((Key { index, generation }, value)),
            Slot::Vacant { .. } => None,
        }
    }

    /// Vacates a place and drops what is left there.
    #[inline]
    pub(crate) fn vacate(&mut self, index: u32) {
        if let Some(slot) = self.slots.as_mut_slice().get_mut(index as usize)
            && let Slot::Occupied { generation, .. } = *slot
        {
            *slot = Slot::Vacant { generation: generation.wrapping_add(1), next: self.vacant };
            self.vacant = index;
        }
    }

    /// Vacates a place if `take` answers something, and drops what it has left there.
    #[inline]
    pub(crate) fn vacate_if<U>(&mut self, index: u32, take: impl FnOnce(Key, &mut T) -> Option<U>) -> Option<U> {
        let slot = self.slots.as_mut_slice().get_mut(index as usize)?;
        let Slot::Occupied { generation, ref mut value } = *slot else { return None };
        let taken = take(Key { index, generation }, value)?;
        *slot = Slot::Vacant { generation: generation.wrapping_add(1), next: self.vacant };
        self.vacant = index;
        Some(taken)
    }

    #[inline]
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        match self.slots.as_slice().get(index as usize)? {
            Slot::Occupied { value, .. } => Some(value),
            Slot::Vacant { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.slots.as_mut_slice().get_mut(index as usize)? {
            Slot::Occupied { value, .. } => Some(value),
            Slot::Vacant { .. } => None,
        }
    }

    /// The place that `key` names, unless it has been vacated since.
    #[inline]
    pub(crate) fn index_of(&self, key: Key) -> Option<u32> {
        match self.slots.as_slice().get(key.index as usize)? {
            Slot::Occupied { generation, .. } if *generation == key.generation => Some(key.index),
            _ => None,
        }
    }

    /// The key to an occupied place.
    #[inline]
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        match self.slots.as_slice().get(index as usize)? {
            Slot::Occupied { generation, .. } => Some(Key { index, generation: *generation }),
            Slot::Vacant { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Inline;

    #[test]
    fn a_full_slab_gives_the_value_back() {
        let mut slab = Slab::<u8, Inline<1>>::new();
        let key = slab.insert(7).unwrap();
        assert_eq!(slab.insert(8), Err(8));
        assert_eq!(slab.remove_entry(key.index), Some((key, 7)));
        assert!(slab.insert(9).is_ok());
    }

    #[test]
    fn a_rewound_slab_fills_from_the_start_and_old_keys_stay_stale() {
        let mut slab = Slab::<u8, Inline<3>>::new();
        let old = [1, 2, 3].map(|value| slab.insert(value).unwrap());
        for key in old.map(|key| key.index) {
            assert!(slab.remove(key).is_some());
        }
        slab.rewind();
        assert!(slab.has_room());
        for place in 0..3 {
            assert_eq!(slab.insert(9).map(|key| key.index), Ok(place));
        }
        assert_eq!((slab.has_room(), slab.insert(9)), (false, Err(9)));
        assert!(old.iter().all(|&key| slab.index_of(key).is_none()));
    }

    #[test]
    fn a_key_goes_stale_with_its_value() {
        let mut slab = Slab::<u8, Inline<2>>::new();
        let old = slab.insert(1).unwrap();
        assert_eq!(slab.remove(old.index), Some(1));
        assert_eq!(slab.remove(old.index), None);
        let new = slab.insert(2).unwrap();
        assert_eq!((old.index, slab.index_of(old)), (new.index, None));
        assert_eq!(slab.index_of(new), Some(new.index));
    }
}
