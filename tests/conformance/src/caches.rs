//! Caches that compute once: who computes, who waits and who takes over, call by call.
#![expect(clippy::missing_errors_doc, reason = "the error is what does not hold")]

use core::cell::Cell;
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use tidegate_core::cache::{Cache, Config, Expiring, Forever, LoadError, WhenFull};
use tidegate_core::lru::DefaultHashBuilder;
use tidegate_core::{Blocking, Clock, Inline, Instant, ManualClock, Platform, Storage, Timed, Timer};

use crate::outcome::check;
use crate::{Check, Outcome, World};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for every timer to tell from nothing.
const SHORT: Duration = Duration::from_millis(2);

/// Room for four values, and for three computations and as many who wait.
type Room = (Inline<4>, Inline<3>);
type Small<P, E = Infallible> = Cache<u8, u32, P, Room, E>;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A computation that is ready when it is told the outcome.
struct Told<T>(Cell<Option<T>>);

impl<T: Copy> Told<T> {
    const fn nothing() -> Self {
        Self(Cell::new(None))
    }

    fn tell(&self, outcome: T) {
        self.0.set(Some(outcome));
    }

    fn wait(&self) -> impl Future<Output = T> {
        poll_fn(|_| self.0.get().map_or(Poll::Pending, Poll::Ready))
    }
}

/// All who ask while a value is computed get that one; it is then there, and evicted in its turn.
pub fn a_value_is_computed_once<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let cache = Small::<P>::new(2);
        let told = Told::nothing();
        let begun = Cell::new(0);
        let loader = || {
            begun.set(begun.get() + 1);
            told.wait()
        };
        let mut first = pin!(cache.get_or_load(&1, loader));
        let mut second = pin!(cache.get_or_load(&1, loader));
        check!(poll(first.as_mut()).is_pending());
        check!(poll(second.as_mut()).is_pending());
        check!((begun.get(), cache.in_flight(), cache.get(&1)) == (1, 1, None));
        told.tell(7);
        check!(poll(first) == Poll::Ready(Ok(7)));
        check!(poll(second) == Poll::Ready(Ok(7)));
        check!((cache.in_flight(), cache.get(&1)) == (0, Some(7)));
        for key in [2, 1, 3] {
            check!(poll(pin!(cache.get_or_load(&key, loader))) == Poll::Ready(Ok(7)));
        }
        check!((cache.get(&2), cache.get(&1), begun.get()) == (None, Some(7), 3));
        let stats = cache.stats();
        check!((stats.misses, stats.joined, stats.evicted) == (3, 1, 1));
        Ok(())
    }
    scenario::<P>().into()
}

/// Whoever computes may go away at any poll: the next in line computes, by a loader of its own.
pub fn who_computes_may_go_and_the_next_takes_over<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let cache = Small::<P>::new(2);
        let (never, told) = (Told::<u32>::nothing(), Told::nothing());
        let mut third = pin!(cache.get_or_load(&1, || told.wait()));
        {
            let mut second = pin!(cache.get_or_load(&1, || never.wait()));
            {
                let mut first = pin!(cache.get_or_load(&1, || never.wait()));
                check!(poll(first.as_mut()).is_pending());
                check!(poll(second.as_mut()).is_pending());
                check!(poll(third.as_mut()).is_pending());
            }
            check!(poll(second.as_mut()).is_pending());
            told.tell(3);
            check!(poll(third.as_mut()).is_pending());
        }
        check!(poll(third) == Poll::Ready(Ok(3)));
        check!((cache.in_flight(), cache.stats().misses) == (0, 3));
        Ok(())
    }
    scenario::<P>().into()
}

/// An error is heard by all who wait; whether it is kept is the user's choice.
pub fn an_error_is_heard_by_all_who_wait<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        for keep in [false, true] {
            let config = Config::new(2).keep_errors(keep);
            let cache: Small<P, u8> = Cache::with_parts(config, Forever, DefaultHashBuilder);
            let told = Told::nothing();
            let mut first = pin!(cache.get_or_load(&1, || told.wait()));
            let mut second = pin!(cache.get_or_load(&1, || told.wait()));
            check!(poll(first.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            told.tell(Err(5));
            check!(poll(first) == Poll::Ready(Err(LoadError::Failed(5))));
            told.tell(Ok(6));
            let later = poll(pin!(cache.get_or_load(&1, || told.wait())));
            check!(later == Poll::Ready(if keep { Err(LoadError::Failed(5)) } else { Ok(6) }));
            check!(poll(second) == Poll::Ready(Err(LoadError::Failed(5))));
        }
        Ok(())
    }
    scenario::<P>().into()
}

/// What is invalidated in flight goes to those who wait, and to nobody else.
pub fn what_is_invalidated_in_flight_is_not_kept<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let cache = Small::<P>::new(2);
        let (old, new) = (Told::nothing(), Told::nothing());
        let mut first = pin!(cache.get_or_load(&1, || old.wait()));
        let mut second = pin!(cache.get_or_load(&1, || old.wait()));
        check!(poll(first.as_mut()).is_pending());
        check!(poll(second.as_mut()).is_pending());
        cache.invalidate(&1);
        let mut third = pin!(cache.get_or_load(&1, || new.wait()));
        check!(poll(third.as_mut()).is_pending());
        check!(cache.in_flight() == 2);
        old.tell(1);
        new.tell(2);
        check!(poll(third) == Poll::Ready(Ok(2)));
        check!(poll(first) == Poll::Ready(Ok(1)));
        check!(poll(second) == Poll::Ready(Ok(1)));
        check!((cache.get(&1), cache.in_flight()) == (Some(2), 0));
        cache.invalidate_all();
        check!((cache.get(&1), cache.len()) == (None, 0));
        Ok(())
    }
    scenario::<P>().into()
}

/// Where there is no room for another computation, a call is refused, or computes for itself.
pub fn a_full_table_refuses_or_does_not_share<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        for unshared in [false, true] {
            let when_full = if unshared { WhenFull::Unshared } else { WhenFull::Refuse };
            let config = Config::new(4).when_full(when_full);
            let cache: Small<P> = Cache::with_parts(config, Forever, DefaultHashBuilder);
            let told = Told::nothing();
            let mut first = pin!(cache.get_or_load(&1, || told.wait()));
            let mut second = pin!(cache.get_or_load(&2, || told.wait()));
            let mut third = pin!(cache.get_or_load(&3, || told.wait()));
            check!(poll(first.as_mut()).is_pending());
            check!(poll(second.as_mut()).is_pending());
            check!(poll(third.as_mut()).is_pending());
            let fourth = poll(pin!(cache.get_or_load(&4, async || 4)));
            check!(fourth == Poll::Ready(if unshared { Ok(4) } else { Err(LoadError::Full) }));
            told.tell(0);
            check!(poll(first) == Poll::Ready(Ok(0)));
            check!(poll(pin!(cache.get_or_load(&4, async || 5))) == Poll::Ready(Ok(5)));
            check!(poll(second) == Poll::Ready(Ok(0)));
            check!(poll(third) == Poll::Ready(Ok(0)));
        }
        Ok(())
    }
    scenario::<P>().into()
}

/// A loader that asks for its own key is told; two calls side by side are none of that.
pub fn a_loader_that_asks_for_its_own_key_is_told<P: Platform, S: Storage>() -> Outcome {
    fn scenario<P: Platform>() -> Check {
        let cache = Small::<P>::new(2);
        let told = Told::nothing();
        let mut outer = pin!(cache.get_or_load(&1, || async {
            let told: u32 = told.wait().await;
            match cache.get_or_load(&1, async || 0).await {
                Err(LoadError::Recursive) => told,
                _ => 0,
            }
        }));
        let mut beside = pin!(cache.get_or_load(&1, async || 0));
        check!(poll(outer.as_mut()).is_pending());
        check!(poll(beside.as_mut()).is_pending());
        told.tell(8);
        check!(poll(outer) == Poll::Ready(Ok(8)));
        check!(poll(beside) == Poll::Ready(Ok(8)));
        Ok(())
    }
    scenario::<P>().into()
}

/// A value lives for its time from completion on; a stale one is served while one caller computes anew.
pub fn a_value_goes_stale_and_then_away<P: Platform, S: Storage>() -> Outcome {
    type Hands<P> = ManualClock<P, Inline<1>>;
    type Aging<'a, P> = Cache<u8, u32, P, Room, Infallible, Expiring<u32, &'a Hands<P>>>;

    fn scenario<P: Platform>() -> Check {
        let clock = Hands::<P>::new();
        let lifetimes = Expiring::with_clock(SECOND, &clock).stale_while_revalidate(SECOND);
        let cache: Aging<'_, P> = Cache::with_parts(Config::new(2), lifetimes, DefaultHashBuilder);
        let told = Told::nothing();
        let mut first = pin!(cache.get_or_load(&1, || told.wait()));
        check!(poll(first.as_mut()).is_pending());
        clock.advance(9 * SECOND);
        told.tell(1);
        check!(poll(first) == Poll::Ready(Ok(1)));
        clock.set(Instant::from_nanos(9_999_999_999));
        check!(poll(pin!(cache.get_or_load(&1, async || 2))) == Poll::Ready(Ok(1)));
        clock.set(Instant::EPOCH + 10 * SECOND);
        let never = Told::<u32>::nothing();
        {
            let mut refresher = pin!(cache.get_or_load(&1, || never.wait()));
            check!(poll(refresher.as_mut()).is_pending());
            check!(poll(pin!(cache.get_or_load(&1, async || 3))) == Poll::Ready(Ok(1)));
        }
        check!(poll(pin!(cache.get_or_load(&1, async || 4))) == Poll::Ready(Ok(4)));
        clock.advance(2 * SECOND);
        check!(cache.get(&1).is_none());
        Ok(())
    }
    scenario::<P>().into()
}

/// Values expire by the platform's own time.
pub async fn a_value_lives_by_the_platforms_time<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    type Aging<P> = Cache<u8, u32, P, Room, Infallible, Expiring<u32, <P as Timed>::Timer>>;
    let cache = Aging::<W::Platform>::with_ttl(2, SHORT);
    check!(cache.get_or_load(&1, async || 1).await == Ok(1));
    let timer = <W::Platform as Timed>::TIMER;
    timer.sleep_until(timer.now() + SHORT).await;
    check!(cache.get(&1).is_none());
    check!(cache.get_or_load(&1, async || 2).await == Ok(2));
    Ok(())
}

/// A wait can time out, the caller's own computation too; a value that is there takes no time.
pub async fn a_wait_for_a_value_can_time_out<'a, W: World<'a, Platform: Timed>>(_: &W) -> Check {
    let cache = Small::<W::Platform>::new(2);
    let never = Told::<u32>::nothing();
    {
        let mut driver = pin!(cache.get_or_load(&1, || never.wait()));
        check!(poll(driver.as_mut()).is_pending());
        check!(cache.get_or_load_timeout(&1, SHORT, async || 1).await == Err(LoadError::TimedOut));
    }
    check!(cache.get_or_load_timeout(&1, SHORT, || never.wait()).await == Err(LoadError::TimedOut));
    check!(cache.in_flight() == 0);
    check!(cache.get_or_load_timeout(&1, SHORT, async || 1).await == Ok(1));
    check!(cache.get_or_load_timeout(&1, Duration::ZERO, || never.wait()).await == Ok(1));
    Ok(())
}

/// A thread waits for what a future computes, gives up in time, and takes over.
pub async fn a_thread_waits_for_a_value_and_takes_over<'a, W: World<'a, Platform: Blocking>>(_: &W) -> Check {
    let cache = Small::<W::Platform, u8>::new(2);
    let never = Told::<Result<u32, u8>>::nothing();
    {
        let mut driver = pin!(cache.get_or_load(&1, || never.wait()));
        check!(poll(driver.as_mut()).is_pending());
        check!(cache.get_or_load_blocking_timeout(&1, SHORT, || Ok(1)) == Err(LoadError::TimedOut));
    }
    check!(cache.get_or_load_blocking(&1, || Err(2)) == Err(LoadError::Failed(2)));
    let nested = cache.get_or_load_blocking(&1, || match cache.get_or_load_blocking(&1, || Ok(0)) {
        Err(LoadError::Recursive) => Ok(3),
        _ => Err(0),
    });
    check!(nested == Ok(3));
    check!(cache.get_or_load_blocking_timeout(&1, Duration::ZERO, || Ok(4)) == Ok(3));
    check!(cache.in_flight() == 0);
    Ok(())
}
