//! The semaphore. Its scenarios stand by kind; the other primitives have few enough for one file.

mod blocking;
mod crowds;
mod steps;
mod timed;

pub use blocking::*;
pub use crowds::*;
pub use steps::*;
pub use timed::*;
