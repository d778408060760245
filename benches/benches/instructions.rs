//! Instructions: `cargo bench -p tidegate-benches --bench instructions`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_benches::instructions()
}
