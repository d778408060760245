//! The embedded targets, and the toolchain that builds for each.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{answers, cargo, read};
use crate::{Result, places};

/// The targets that core and the images are built for.
pub(crate) const ALL: [&str; 3] = [CORTEX_M0, CORTEX_M4, RISCV];
pub(crate) const CORTEX_M0: &str = "thumbv6m-none-eabi";
pub(crate) const CORTEX_M4: &str = "thumbv7em-none-eabihf";
pub(crate) const RISCV: &str = "riscv32imac-unknown-none-elf";

/// Debian's toolchain, which rustup's shims come before in the `PATH`.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Debian's own linker.
const DEBIAN_LINKER: &str = "ld.lld";

/// What builds for a target.
#[derive(Clone, Debug)]
pub(crate) enum Toolchain {
    /// The one in use has the target's standard library.
    Rustup,
    /// Debian's, which builds `core` from source, with this linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// The toolchain for `target`, if there is one.
    pub(crate) fn for_target(target: &str) -> Option<Self> {
        let sysroot = read(Command::new("rustc").args(["--print", "sysroot"]));
        if sysroot.is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib").join(target).join("lib").is_dir())
        {
            return Some(Self::Rustup);
        }
        debian_builds_core().then(linker).flatten().map(|linker| Self::Debian { linker })
    }

    /// The same, or an error that says how to get one.
    pub(crate) fn needed_for(target: &str) -> Result<Self> {
        Self::for_target(target).ok_or_else(|| {
            format!(
                "nothing here builds for {target}: `rustup target add {target}`, or `cargo xtask test --install`"
            )
            .into()
        })
    }

    /// `cargo SUBCOMMAND` for `target`, in the repository's root.
    pub(crate) fn cargo(&self, subcommand: &str, target: &str) -> Command {
        let mut command = match self {
            Self::Rustup => {
                let mut command = cargo();
                command.arg(subcommand);
                command
            }
            Self::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                command
                    .current_dir(places::root())
                    .args([subcommand, "-Zbuild-std=core,alloc"])
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env(linker_variable(target), linker);
                command
            }
        };
        command.args(["--target", target]).env("CARGO_TARGET_DIR", places::target_dir("firmware"));
        command
    }
}

/// The variable that tells cargo which linker to use for `target`.
fn linker_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"))
}

/// Whether Debian's toolchain is there, with the source of `core`, and young enough.
pub(crate) fn debian_builds_core() -> bool {
    let version = read(Command::new(DEBIAN_RUSTC).arg("--version"));
    let sysroot = read(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]));
    answers(DEBIAN_CARGO, "--version")
        && version.and_then(|text| minor_version(&text)) >= minor_version(env!("CARGO_PKG_RUST_VERSION"))
        && sysroot.is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir())
}

/// The linker for Debian's toolchain, which has none of its own: rustup's, or the package `lld`'s.
pub(crate) fn linker() -> Option<PathBuf> {
    let rustup = || {
        let sysroot = read(Command::new("rustc").args(["--print", "sysroot"]))?;
        let host = read(Command::new("rustc").args(["--print", "host-tuple"]))?;
        let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
        linker.is_file().then_some(linker)
    };
    rustup().or_else(|| answers(DEBIAN_LINKER, "--version").then(|| PathBuf::from(DEBIAN_LINKER)))
}

/// The `96` of `rustc 1.96.0 (…)` and of `1.96`.
fn minor_version(text: &str) -> Option<u32> {
    let version = text.strip_prefix("rustc ").unwrap_or(text).strip_prefix("1.")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(minor_version("1.95"), Some(95));
        assert_eq!(minor_version("rustc 1.63.0"), Some(63));
        assert_eq!(minor_version("no version"), None);
        assert!(None < minor_version("1.95"));
    }

    #[test]
    fn the_linker_variable_is_cargos() {
        assert_eq!(linker_variable(CORTEX_M4), "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER");
    }
}
