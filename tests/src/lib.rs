//! What the tests share, and what must not compile.
#![forbid(unsafe_code)]

#[path = "../ui/ui.rs"]
pub mod ui;
mod wakers;

pub use wakers::{Count, Hook, poll_once, poll_with};

/// The snippets of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
