//! [`Table`]: the buckets of one shard, with a bound on their number, and the full ones easy to find.
//!
//! Buckets lie side by side. Each is in a chain that begins at one of `heads`, which the key's hash chooses;
//! the last of a chain names its head, so that a bucket can be unlinked without hashing its key anew (which would
//! be foreign code under the lock).
//!
//! To evict is to find a bucket that is full. While it is used, a bucket only becomes full later, so a lower bound
//! per [`BLOCK`] of buckets, raised when it turns out to be too low, leads there quickly, however many there are.
//!
//! The bucket of a key for which somebody waits is *pinned*: it stands aside, among the `pins`, and what it leaves
//! in its place says that it is never full. So it is never evicted, and nothing is taken from it past those who
//! wait; and to take from another is not a step longer for it.

use core::mem;

use super::super::bucket::{STEP_BACK, TokenBucket};
use super::super::error::TryAcquireError;
use super::super::quota::Span;
use crate::Instant;
use crate::slab::{Key, Slab};
use crate::storage::{Buffer, Storage};

/// How many buckets share one bound.
const BLOCK: usize = 64;
/// Marks the end of a chain; the rest of the number is the index of its head.
const END: u32 = 1 << 31;
/// The most chains.
const MOST_HEADS: usize = 1 << 20;
/// In the place of a pinned bucket.
const AWAY: u64 = u64::MAX;
/// The most buckets that one table can have.
pub(super) const MOST: usize = (END - 1) as usize;

struct Entry<K> {
    key: K,
    /// When the bucket is full again. `AWAY`, and the number of the pin with its bits inverted, if it is pinned.
    nanos: u64,
    part: u32,
    /// The next in the chain, or `END` and the index of the chain's head.
    next: u32,
}

impl<K> Entry<K> {
    /// The first whole nanosecond at which the bucket is full.
    fn full_at(&self) -> u64 {
        self.nanos.saturating_add(u64::from(self.part > 0))
    }
}

/// A bucket that somebody waits for.
struct Pin {
    /// Where its entry is.
    index: usize,
    bucket: TokenBucket,
}

/// What came of an attempt to take tokens for a key that was not there.
pub(super) enum Entered<K> {
    /// What the key's bucket says, and whatever is to be dropped outside of the lock.
    Answered(Result<(), TryAcquireError>, Option<K>),
    /// The key has got a bucket meanwhile, and it is pinned.
    Pinned(K),
    /// Nothing is full and nothing is vacant.
    NoRoom(K),
}

/// The buckets of one shard.
pub(super) struct Table<K, S: Storage, V: Storage> {
    /// Those in use come first.
    entries: S::Buffer<Entry<K>>,
    len: usize,
    /// How many more buckets than its share it may have; fewer, if negative.
    surplus: isize,
    heads: S::Buffer<u32>,
    /// For each block, a time before which none of its buckets is full.
    bounds: S::Buffer<u64>,
    /// The same for all of them.
    bound: u64,
    /// The block that was searched last.
    hand: usize,
    pins: Slab<Pin, V>,
}

impl<K: Eq, S: Storage, V: Storage> Table<K, S, V> {
    pub(super) const fn new() -> Self {
        Self {
            entries: <S::Buffer<Entry<K>> as Buffer<Entry<K>>>::EMPTY,
            len: 0,
            surplus: 0,
            heads: <S::Buffer<u32> as Buffer<u32>>::EMPTY,
            bounds: <S::Buffer<u64> as Buffer<u64>>::EMPTY,
            bound: u64::MAX,
            hand: 0,
            pins: Slab::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Takes tokens from the key's bucket; `None` if it has none, or it is pinned.
    #[inline]
    pub(super) fn take(
        &mut self,
        hash: u64,
        key: &K,
        bucket: &TokenBucket,
        tokens: u32,
        now: Instant,
    ) -> Option<Result<(), TryAcquireError>> {
        let index = self.find(hash, key)?;
        let entry = self.entries.as_mut_slice().get_mut(index)?;
        let full_at = Span { nanos: entry.nanos, part: entry.part };
        // Nothing is admitted from a bucket that is full at `AWAY`: that, and a token more, is beyond time; or a
        // part of a nanosecond more, for a pin's number is inverted to be more than there are parts.
        if let Some(full_at) = bucket.admit(full_at, tokens, now) {
            (entry.nanos, entry.part) = (full_at.nanos, full_at.part);
            return Some(Ok(()));
        }
        self.take_closely(index, bucket, tokens, now)
    }

    /// The same for what is refused, for what is pinned, and for the end of time.
    #[inline(never)]
    fn take_closely(
        &mut self,
        index: usize,
        bucket: &TokenBucket,
        tokens: u32,
        now: Instant,
    ) -> Option<Result<(), TryAcquireError>> {
        if self.pin_at(index).is_some() {
            return None;
        }
        let mut bucket = self.bucket_at(index, bucket);
        let answer = bucket.try_acquire(tokens, now);
        let entry = self.entries.as_mut_slice().get_mut(index)?;
        let before = mem::replace(&mut entry.nanos, bucket.full_at().nanos);
        entry.part = bucket.full_at().part;
        // Only if the clock has stepped back.
        if entry.nanos < before {
            self.lower(index);
        }
        Some(answer)
    }

    /// Takes tokens from a new bucket for the key, if there is room or can be made: in the place of a full bucket,
    /// or of the fullest there is if `forget` says so. The bucket can give as many tokens.
    #[expect(clippy::too_many_arguments, reason = "one call for what happens under one lock")]
    pub(super) fn enter(
        &mut self,
        hash: u64,
        key: K,
        bucket: &TokenBucket,
        tokens: u32,
        now: Instant,
        share: usize,
        forget: bool,
    ) -> Entered<K> {
        // Somebody else may have been faster.
        if let Some(answer) = self.take(hash, &key, bucket, tokens, now) {
            return Entered::Answered(answer, Some(key));
        }
        if self.find(hash, &key).is_some() {
            return Entered::Pinned(key);
        }
        let mut bucket = *bucket;
        let answer = bucket.try_acquire(tokens, now);
        if answer.is_err() {
            return Entered::Answered(answer, Some(key));
        }
        let full_at = bucket.full_at();
        let entry = Entry { key, nanos: full_at.nanos, part: full_at.part, next: END };
        let (index, evicted) = if self.len < self.room(share) {
            match self.append(entry, share) {
                Ok(placed) => placed,
                Err(entry) => return Entered::NoRoom(entry.key),
            }
        } else {
            let victim = self.full(bucket.capacity(), now).or_else(|| if forget { self.fullest() } else { None });
            let Some(victim) = victim else { return Entered::NoRoom(entry.key) };
            self.unlink(victim);
            (victim, Some(self.replace(victim, entry)))
        };
        self.link(hash, index);
        self.lower(index);
        Entered::Answered(answer, evicted)
    }

    /// Gives up room for others, if there is some, or a full bucket, or if `forget` says so the fullest; answers
    /// for how many.
    pub(super) fn cede(&mut self, capacity: Span, now: Instant, share: usize, forget: bool) -> usize {
        let vacant = self.room(share).saturating_sub(self.len);
        let ceded = if vacant > 0 {
            vacant.div_ceil(2)
        } else if let Some(victim) =
            self.full(capacity, now).or_else(|| if forget { self.fullest() } else { None })
        {
            self.remove(victim);
            1
        } else {
            0
        };
        self.surplus -= isize::try_from(ceded).unwrap_or(0);
        ceded
    }

    /// Takes over room that another has ceded.
    pub(super) fn gain(&mut self, ceded: usize) {
        self.surplus += isize::try_from(ceded).unwrap_or(0);
    }

    /// The key's bucket, if it has one.
    pub(super) fn look(&self, hash: u64, key: &K, bucket: &TokenBucket) -> Option<TokenBucket> {
        let index = self.find(hash, key)?;
        Some(match self.pin_at(index) {
            Some(pin) => self.pins.at(pin)?.bucket,
            None => self.bucket_at(index, bucket),
        })
    }

    /// Puts tokens back into the key's bucket, if it has one; answers whether it is pinned, and under which number.
    pub(super) fn refund(&mut self, hash: u64, key: &K, bucket: &TokenBucket, tokens: u32) -> Option<u32> {
        let index = self.find(hash, key)?;
        if let Some(pin) = self.pin_at(index) {
            self.pinned(pin)?.refund(tokens);
            return Some(pin);
        }
        let mut bucket = self.bucket_at(index, bucket);
        bucket.refund(tokens);
        self.set_bucket(index, &bucket);
        None
    }

    /// Pins the key's bucket, which it has and which is not pinned yet; answers its number. `None` if there is no
    /// room for another.
    pub(super) fn pin(&mut self, hash: u64, key: &K, bucket: &TokenBucket) -> Option<u32> {
        let index = self.find(hash, key)?;
        let pin = Pin { index, bucket: self.bucket_at(index, bucket) };
        let Key { index: number, .. } = self.pins.insert(pin).ok()?;
        let entry = self.entries.as_mut_slice().get_mut(index)?;
        (entry.nanos, entry.part) = (AWAY, !number);
        Some(number)
    }

    /// The number of the pin of the key's bucket, if it has one that is pinned.
    pub(super) fn pin_of(&self, hash: u64, key: &K) -> Option<u32> {
        self.pin_at(self.find(hash, key)?)
    }

    /// A pinned bucket.
    pub(super) fn pinned(&mut self, pin: u32) -> Option<&mut TokenBucket> {
        self.pins.at_mut(pin).map(|pin| &mut pin.bucket)
    }

    /// The same, to be looked at.
    pub(super) fn pin_bucket(&self, pin: u32) -> Option<&TokenBucket> {
        self.pins.at(pin).map(|pin| &pin.bucket)
    }

    /// Puts a pinned bucket back in its place.
    pub(super) fn unpin(&mut self, pin: u32) {
        if let Some(Pin { index, bucket }) = self.pins.remove(pin) {
            self.set_bucket(index, &bucket);
        }
    }

    /// The number of the pin of the bucket in this place, if it is pinned.
    ///
    /// At the end of time another could look the same, but no pin says that it is there.
    fn pin_at(&self, index: usize) -> Option<u32> {
        let entry = self.entries.as_slice().get(index)?;
        let number = !entry.part;
        let pinned = entry.nanos == AWAY && self.pins.at(number).is_some_and(|pin| pin.index == index);
        pinned.then_some(number)
    }

    fn bucket_at(&self, index: usize, bucket: &TokenBucket) -> TokenBucket {
        let (entry, mut bucket) = (&self.entries.as_slice()[index], *bucket);
        bucket.set_full_at(Span { nanos: entry.nanos, part: entry.part });
        bucket
    }

    fn set_bucket(&mut self, index: usize, bucket: &TokenBucket) {
        let entry = &mut self.entries.as_mut_slice()[index];
        (entry.nanos, entry.part) = (bucket.full_at().nanos, bucket.full_at().part);
        self.lower(index);
    }

    /// How many buckets it may have.
    fn room(&self, share: usize) -> usize {
        share.saturating_add_signed(self.surplus)
    }

    #[inline]
    fn find(&self, hash: u64, key: &K) -> Option<usize> {
        let heads = self.heads.as_slice();
        let mut at = *heads.get(head_of(hash, heads.len()))?;
        let entries = self.entries.as_slice();
        while at & END == 0 {
            let entry = entries.get(at as usize)?;
            if entry.key == *key {
                return Some(at as usize);
            }
            at = entry.next;
        }
        None
    }

    /// Puts an entry behind the others; answers where, and what is left of one that was there before.
    fn append(&mut self, entry: Entry<K>, share: usize) -> Result<(usize, Option<K>), Entry<K>> {
        if self.heads.as_slice().is_empty() {
            self.make_heads(share);
        }
        let index = self.len;
        if self.heads.as_slice().is_empty() || index >= MOST {
            return Err(entry);
        }
        if index / BLOCK >= self.bounds.as_slice().len() && self.bounds.push(u64::MAX).is_err() {
            return Err(entry);
        }
        let left = if index < self.entries.as_slice().len() {
            Some(self.replace(index, entry))
        } else {
            self.entries.push(entry)?;
            None
        };
        self.len += 1;
        Ok((index, left))
    }

    /// As many chains as buckets are to be expected, or as there is room for: a power of two.
    fn make_heads(&mut self, share: usize) {
        let most = <S::Buffer<u32> as Buffer<u32>>::CAPACITY;
        let mut count = share.clamp(1, MOST_HEADS).next_power_of_two();
        while count > most {
            count /= 2;
        }
        for head in (END..).take(count) {
            if self.heads.push(head).is_err() {
                unreachable!("there is room for so many");
            }
        }
    }

    fn replace(&mut self, index: usize, entry: Entry<K>) -> K {
        mem::replace(&mut self.entries.as_mut_slice()[index], entry).key
    }

    fn link(&mut self, hash: u64, index: usize) {
        let heads = self.heads.as_mut_slice();
        let count = heads.len();
        let head = &mut heads[head_of(hash, count)];
        #[expect(clippy::cast_possible_truncation, reason = "no more than `MOST`")]
        let first = mem::replace(head, index as u32);
        self.entries.as_mut_slice()[index].next = first;
    }

    /// Makes whatever points to `from` point to `to`.
    fn relink(&mut self, from: usize, to: u32) {
        let entries = self.entries.as_mut_slice();
        let mut end = entries[from].next;
        while end & END == 0 {
            end = entries[end as usize].next;
        }
        let mut pointer = &mut self.heads.as_mut_slice()[(end & !END) as usize];
        while *pointer as usize != from && *pointer & END == 0 {
            pointer = &mut entries[*pointer as usize].next;
        }
        *pointer = to;
    }

    fn unlink(&mut self, index: usize) {
        self.relink(index, self.entries.as_slice()[index].next);
    }

    /// Takes a bucket out, and puts the last one in its place. Its key stays behind those in use until that
    /// place is needed.
    fn remove(&mut self, index: usize) {
        self.unlink(index);
        self.len -= 1;
        let last = self.len;
        if index != last {
            if let Some(pin) = self.pin_at(last)
                && let Some(pin) = self.pins.at_mut(pin)
            {
                pin.index = index;
            }
            #[expect(clippy::cast_possible_truncation, reason = "no more than `MOST`")]
            self.relink(last, index as u32);
            self.entries.as_mut_slice().swap(index, last);
            self.lower(index);
        }
    }

    /// Sees to it that the bounds are not above this bucket.
    fn lower(&mut self, index: usize) {
        let full_at = self.entries.as_slice()[index].full_at();
        if let Some(bound) = self.bounds.as_mut_slice().get_mut(index / BLOCK) {
            *bound = full_at.min(*bound);
        }
        self.bound = self.bound.min(full_at);
    }

    /// A bucket that is full, and so as good as none.
    fn full(&mut self, capacity: Span, now: Instant) -> Option<usize> {
        let now = now.as_nanos();
        // One further ahead than this was filled by a clock that has stepped back.
        let believable = now.saturating_add(capacity.nanos).saturating_add(STEP_BACK).saturating_add(1);
        // `AWAY` is no bucket at all, but those that are pinned.
        let is_idle = |bound| now < bound && bound <= believable || bound == AWAY;
        if is_idle(self.bound) {
            return None;
        }
        let blocks = self.len.div_ceil(BLOCK);
        for nth in 0..blocks {
            let block = (self.hand + nth) % blocks;
            let bound = self.bounds.as_slice()[block];
            if is_idle(bound) {
                continue;
            }
            for index in self.range(block) {
                if self.pin_at(index).is_some() {
                    continue;
                }
                let entry = &mut self.entries.as_mut_slice()[index];
                if entry.full_at() <= now {
                    self.hand = block;
                    return Some(index);
                }
                if entry.full_at() > believable {
                    (entry.nanos, entry.part) = (now.saturating_add(capacity.nanos), capacity.part);
                }
            }
            self.raise(block);
        }
        self.bound = self.bounds.as_slice()[..blocks].iter().copied().min().unwrap_or(u64::MAX);
        None
    }

    /// The bucket that will be full first, of those that are not pinned.
    fn fullest(&mut self) -> Option<usize> {
        let blocks = self.len.div_ceil(BLOCK);
        loop {
            let bounds = self.bounds.as_slice()[..blocks].iter().enumerate();
            let (block, &bound) = bounds.min_by_key(|&(_, bound)| *bound)?;
            let entries = self.entries.as_slice();
            let index = self.range(block).min_by_key(|&index| (entries[index].nanos, entries[index].part))?;
            // As early as the earliest bound: the earliest of all.
            if entries[index].full_at() <= bound {
                return self.pin_at(index).is_none().then_some(index);
            }
            self.raise(block);
        }
    }

    /// Makes a block's bound exact.
    fn raise(&mut self, block: usize) {
        let entries = self.entries.as_slice();
        let bound = self.range(block).map(|index| entries[index].full_at()).min().unwrap_or(u64::MAX);
        self.bounds.as_mut_slice()[block] = bound;
    }

    fn range(&self, block: usize) -> core::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.len)
    }

    /// How many buckets there is memory for.
    #[cfg(all(test, feature = "alloc"))]
    pub(super) fn places(&self) -> usize {
        self.entries.as_slice().len()
    }

    /// Checks that every bucket in use is in its chain, once, and no bound is above it.
    #[cfg(test)]
    pub(super) fn check(&self, hash: impl Fn(&K) -> u64) {
        let mut seen = 0;
        for head in self.heads.as_slice() {
            let mut at = *head;
            while at & END == 0 {
                let entry = &self.entries.as_slice()[at as usize];
                assert!((at as usize) < self.len);
                assert!(entry.full_at() >= self.bounds.as_slice()[at as usize / BLOCK]);
                assert!(entry.full_at() >= self.bound);
                assert_eq!(self.find(hash(&entry.key), &entry.key), Some(at as usize));
                seen += 1;
                at = entry.next;
            }
        }
        assert_eq!(seen, self.len);
        let pinned = (0..self.len).filter_map(|index| self.pin_at(index)).count();
        let pins = (0..100).filter_map(|pin| self.pins.at(pin)).count();
        assert_eq!(pinned, pins, "each pin knows its place");
    }
}

/// The chain for a hash, of so many: a power of two.
fn head_of(hash: u64, count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "masked anyway")]
    let hash = hash as usize;
    hash & count.wrapping_sub(1)
}
