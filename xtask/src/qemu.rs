//! Running an image in QEMU.

use core::time::Duration;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::target::{CORTEX_M0, CORTEX_M4, RISCV};

/// No image needs a tenth of this.
const LIMIT: Duration = Duration::from_mins(1);

/// A board, as QEMU knows it.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) target: &'static str,
    pub(crate) emulator: &'static str,
    args: &'static [&'static str],
}

/// A Cortex-M0 with 16 KiB of RAM.
pub(crate) const MICROBIT: Board =
    Board { target: CORTEX_M0, emulator: "qemu-system-arm", args: &["-machine", "microbit"] };
/// A Cortex-M4.
pub(crate) const MPS2_AN386: Board =
    Board { target: CORTEX_M4, emulator: "qemu-system-arm", args: &["-machine", "mps2-an386"] };
/// A RISC-V of 32 bits.
pub(crate) const RISCV_VIRT: Board =
    Board { target: RISCV, emulator: "qemu-system-riscv32", args: &["-machine", "virt", "-bios", "none"] };

/// Runs the image, hands each line that it prints to `line`, and answers how it ended.
///
/// Time is counted in instructions and skipped while the core sleeps, so every run is the same.
pub(crate) fn run(board: &Board, image: &Path, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = Command::new(board.emulator)
        .args(board.args)
        .args(["-display", "none", "-monitor", "none", "-serial", "none", "-no-reboot"])
        .args(["-icount", "shift=6,sleep=off", "-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", board.emulator))?;

    let (send, lines) = mpsc::channel();
    // An image prints its panics to standard error: in line with the rest here.
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    for pipe in pipes.into_iter().flatten() {
        let send = send.clone();
        thread::spawn(move || {
            for text in BufReader::new(pipe).lines().map_while(core::result::Result::ok) {
                if send.send(text).is_err() {
                    break;
                }
            }
        });
    }
    drop(send);

    let end = Instant::now() + LIMIT;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(text) if !left.is_zero() => line(&text),
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Err(format!("the image did not end within {} s", LIMIT.as_secs()).into());
            }
        }
    }
}
