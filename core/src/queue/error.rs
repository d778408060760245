//! What can be refused, and why. Whoever brought an item gets it back.

use core::error::Error;
use core::fmt;

macro_rules! gives_back {
    ($(#[$attr:meta])* $name:ident { $($(#[$variant_attr:meta])* $variant:ident: $says:literal,)+ }) => {
        $(#[$attr])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum $name<T> {
            $($(#[$variant_attr])* $variant(T),)+
        }

        impl<T> $name<T> {
            /// The item that was refused.
            pub fn into_inner(self) -> T {
                match self {
                    $(Self::$variant(item) => item,)+
                }
            }
        }

        /// Says nothing of the item, which need not know how to be shown.
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant(_) => concat!(stringify!($variant), "(..)"),)+
                })
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant(_) => $says,)+
                })
            }
        }

        impl<T> Error for $name<T> {}
    };
}

gives_back! {
    /// Why an item was not put in. It comes back with the error.
    PutError {
        /// The queue has been closed.
        Closed: "the queue is closed",
        /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
        Full: "there is no room for another waiter",
        /// The time was up first; only calls with a timeout say so.
        TimedOut: "the queue had no room in time",
    }
}

gives_back! {
    /// Why an item was not put in here and now. It comes back with the error.
    TryPutError {
        /// The queue has been closed.
        Closed: "the queue is closed",
        /// There is no room, or others wait for it; in a rendezvous, nobody waits for an item.
        Full: "the queue is full",
    }
}

gives_back! {
    /// The queue has been closed since the room was reserved. The item comes back.
    SlotError {
        /// The queue has been closed.
        Closed: "the queue is closed",
    }
}

macro_rules! plain {
    ($(#[$attr:meta])* $name:ident { $($(#[$variant_attr:meta])* $variant:ident: $says:literal,)+ }) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_attr])* $variant,)+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $says,)+
                })
            }
        }

        impl Error for $name {}
    };
}

plain! {
    /// Why a wait for room was turned down.
    ReserveError {
        /// The queue has been closed.
        Closed: "the queue is closed",
        /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
        Full: "there is no room for another waiter",
        /// The time was up first; only calls with a timeout say so.
        TimedOut: "the queue had no room in time",
    }
}

plain! {
    /// Why room could not be reserved here and now.
    TryReserveError {
        /// The queue has been closed.
        Closed: "the queue is closed",
        /// There is no room, or others wait for it.
        Full: "the queue is full",
    }
}

plain! {
    /// Why a wait for an item was turned down.
    GetError {
        /// The queue has been closed, and no item is left.
        Closed: "the queue is closed, and no item is left",
        /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
        Full: "there is no room for another waiter",
        /// The time was up first; only calls with a timeout say so.
        TimedOut: "no item came in time",
    }
}

plain! {
    /// Why no item could be had here and now.
    TryGetError {
        /// The queue has been closed, and no item is left.
        Closed: "the queue is closed, and no item is left",
        /// There is no item, or others wait for it.
        Empty: "the queue is empty",
    }
}

plain! {
    /// Why a wait for the work to be done was turned down.
    JoinError {
        /// There is no room for another waiter in [`Inline`](crate::Inline) storage.
        Full: "there is no room for another waiter",
        /// The time was up first; only calls with a timeout say so.
        TimedOut: "the work was not done in time",
    }
}

plain! {
    /// Why a queue cannot have that capacity.
    InvalidCapacity {
        /// Zero, in a queue that is no rendezvous.
        Zero: "only a first-in-first-out queue can have no capacity",
        /// More than the storage can hold, or than can be addressed.
        TooLarge: "the storage cannot hold that many items",
    }
}

/// More items were reported as done than had been put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct NothingUnfinished;

impl fmt::Display for NothingUnfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every item has been reported as done already")
    }
}

impl Error for NothingUnfinished {}
