//! Storms: threads, and tasks of tokio, at one handle all at once, who cancel, time out, give up and close at random.
//!
//! There is so much to be done, not so long: a storm ends when everybody has done all of it. Then the books must
//! balance: permits, items, tokens, and nobody is left in line. Whoever is not woken hangs, and is noticed.
#![forbid(unsafe_code)]

mod admission;
mod handing;
mod storm;
mod tasks;
mod values;
