//! Standard output: [`print`].

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Prints `text`. That a reader has seen enough, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::to("write to standard output")(error)),
        _ => Ok(()),
    }
}
