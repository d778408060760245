//! What the tests share.
#![forbid(unsafe_code)]

mod wakers;

pub use wakers::{Count, Hook, poll_with};
