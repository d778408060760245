//! Real processes that get real signals: one at each moment of a run, twice, and afterwards.
//!
//! This program is parent and child at once. A child says on its standard output how far it is, and goes on when it is
//! told so on its standard input; nobody waits for time to pass.
#![forbid(unsafe_code)]

#[cfg(unix)]
mod cases;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod process;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::env;

    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, role] = &arguments[..]
        && first == process::CHILD
    {
        child::play(role);
        return std::process::ExitCode::SUCCESS;
    }
    let filter = arguments.into_iter().find(|argument| !argument.starts_with('-')).unwrap_or_default();
    cases::run(&filter)
}

#[cfg(not(unix))]
fn main() {}
