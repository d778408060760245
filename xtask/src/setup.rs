//! What the checks need beyond the toolchain that runs them, and how it is had.

use core::time::Duration;
use std::process::Command;

use crate::process::{answers, cargo, read, run_for};
use crate::qemu::Board;
use crate::target::{self, Toolchain};
use crate::{Result, apt};

/// A download that takes longer than this will not end.
const DOWNLOAD: Duration = Duration::from_mins(5);

/// The browser, and Debian's package of it.
const CHROMIUM: &str = "chromium";

/// Something that may be missing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// `cargo fmt`.
    Rustfmt,
    /// `cargo clippy`.
    Clippy,
    /// A toolchain for this target.
    Target(&'static str),
    /// An emulator of this name.
    Emulator(&'static str),
    /// Chromium.
    Browser,
}

impl Need {
    /// What an image for `board` needs.
    pub(crate) fn of(board: &Board) -> Vec<Self> {
        vec![Self::Target(board.target), Self::Emulator(board.emulator)]
    }

    /// What is missing, in words, or `None` if it is there.
    pub(crate) fn missing(self) -> Option<String> {
        let (there, what) = match self {
            Self::Rustfmt => (has_subcommand("fmt"), "rustfmt".to_owned()),
            Self::Clippy => (has_subcommand("clippy"), "clippy".to_owned()),
            Self::Target(target) => (Toolchain::for_target(target).is_some(), format!("a toolchain for {target}")),
            Self::Emulator(name) => (answers(name, "--version"), name.to_owned()),
            Self::Browser => (answers(CHROMIUM, "--version"), CHROMIUM.to_owned()),
        };
        (!there).then_some(what)
    }
}

fn has_subcommand(name: &str) -> bool {
    read(cargo().args([name, "--version"])).is_some()
}

/// Installs what is missing, and says so. What cannot be had is reported and left missing.
pub(crate) fn install() {
    let note = |outcome: Result| {
        if let Err(error) = outcome {
            println!("could not install: {error}");
        }
    };
    for (need, component) in [(Need::Rustfmt, "rustfmt"), (Need::Clippy, "clippy")] {
        if need.missing().is_some() {
            note(rustup(&["component", "add", component]));
        }
    }
    let targets: Vec<_> =
        target::ALL.into_iter().filter(|&target| Need::Target(target).missing().is_some()).collect();
    if !targets.is_empty() {
        note(rustup(&[&["target", "add"], &targets[..]].concat()));
    }

    let no_target = targets.iter().any(|&target| Need::Target(target).missing().is_some());
    let emulators: Vec<_> = [("qemu-system-arm", "qemu-system-arm"), ("qemu-system-misc", "qemu-system-riscv32")]
        .into_iter()
        .filter(|&(_, program)| Need::Emulator(program).missing().is_some())
        .map(|(package, _)| package)
        .collect();
    let no_browser = Need::Browser.missing().is_some();
    if !no_target && !no_browser && emulators.is_empty() {
        return;
    }
    if !apt::here() {
        println!("could not install: no apt-get here; QEMU, Chromium and rustup's targets are for you to install");
        return;
    }
    note(apt::update());
    if no_target {
        let lld: &[&str] = if target::linker().is_none() { &["lld"] } else { &[] };
        note(apt::install(&[&["rustc-web", "cargo-web", "rust-web-src"], lld].concat()));
    }
    if !emulators.is_empty() {
        note(apt::install_qemu(&emulators));
    }
    if no_browser {
        note(apt::install(&[CHROMIUM]));
    }
}

fn rustup(args: &[&str]) -> Result {
    run_for(Command::new("rustup").args(args), DOWNLOAD)
}
