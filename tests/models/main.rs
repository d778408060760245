//! State machines against naive references, step by step.
#![forbid(unsafe_code)]

mod handle;
mod machine;
mod reference;
