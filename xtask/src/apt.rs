//! Debian's packages.

use std::process::Command;

use crate::Result;
use crate::process::{answers, read, run};

/// Whether this is a Debian.
pub(crate) fn here() -> bool {
    answers("apt-get", "--version")
}

/// Brings the lists of packages up to date.
pub(crate) fn update() -> Result {
    run(apt_get().arg("update"))
}

/// Installs packages, the latest that Debian has of each.
pub(crate) fn install(packages: &[&str]) -> Result {
    run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

/// Installs emulators, and takes `qemu-utils` back to the version that goes with them, should there be another:
/// from elsewhere, it keeps the emulators out.
pub(crate) fn install_qemu(emulators: &[&str]) -> Result {
    let mut command = apt_get();
    command.args(["install", "-y", "--no-install-recommends"]).args(emulators);
    let utils = policy("qemu-utils");
    let wanted = emulators.first().and_then(|emulator| policy(emulator).candidate);
    if let (Some(installed), Some(wanted)) = (utils.installed, wanted)
        && installed != wanted
    {
        command.args(["--allow-downgrades", &format!("qemu-utils={wanted}")]);
    }
    run(&mut command)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The versions of a package that are there and that can be had.
#[derive(Debug, Default, PartialEq, Eq)]
struct Policy {
    installed: Option<String>,
    candidate: Option<String>,
}

fn policy(package: &str) -> Policy {
    let text = read(Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C"));
    text.map(|text| Policy::parse(&text)).unwrap_or_default()
}

impl Policy {
    fn parse(text: &str) -> Self {
        let field = |name| {
            let value = text.lines().find_map(|line| line.trim().strip_prefix(name))?.trim();
            (value != "(none)").then(|| value.to_owned())
        };
        Self { installed: field("Installed:"), candidate: field("Candidate:") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read() {
        let text = "qemu-utils:\n  Installed: (none)\n  Candidate: 1:7.2+dfsg-7\n  Version table:\n";
        assert_eq!(Policy::parse(text), Policy { installed: None, candidate: Some("1:7.2+dfsg-7".to_owned()) });
        assert_eq!(Policy::parse(""), Policy::default());
    }
}
