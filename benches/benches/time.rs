//! Nanoseconds: `cargo bench -p tidegate-benches`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_benches::time()
}
