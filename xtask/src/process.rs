//! Running other programs.

use core::time::Duration;
use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::{Result, places};

/// The cargo that runs this program, in the repository's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(places::root());
    command
}

/// The command as one would type it.
fn spell(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    core::iter::once(program.to_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

/// Says what it runs and runs it, its output to the terminal.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("$ {}", spell(command));
    let status = command.status().map_err(|error| format!("`{}`: {error}", spell(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", spell(command)).into()) }
}

/// The same, for at most `limit`.
pub(crate) fn run_for(command: &mut Command, limit: Duration) -> Result {
    println!("$ {}", spell(command));
    let spelled = spell(command);
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("`{spelled}`: {error}"))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { Err(format!("`{spelled}`: {status}").into()) };
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(format!("`{spelled}`: no end after {} s", limit.as_secs()).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a program prints, or `None` if it is not there or fails.
pub(crate) fn read(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program is there and answers.
pub(crate) fn answers(program: &str, arg: &str) -> bool {
    read(Command::new(program).arg(arg)).is_some()
}
