//! The firmware images: built, run in QEMU, their output compared.

use std::fs;
use std::path::PathBuf;

use crate::process::run;
use crate::qemu::{self, Board, MICROBIT, MPS2_AN386, RISCV_VIRT};
use crate::target::Toolchain;
use crate::{Result, places};

/// An image, a binary of its name.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) board: Board,
    package: &'static str,
    expected: Expected,
    /// Whether it is built to be measured, not to be tested.
    release: bool,
}

/// What an image must print.
#[derive(Debug)]
enum Expected {
    /// The text in this file of the firmware workspace.
    Text(&'static str),
    /// Scenarios, none of which fails, and at the end how many they were.
    Scenarios,
    /// Figures, whatever they are: a compiler makes them differ.
    Figures,
}

impl Image {
    /// An image that is tested, of a board's package.
    const fn tested(name: &'static str, about: &'static str, package: &'static str, expected: Expected) -> Self {
        let board = match package.as_bytes() {
            b"mps2-an386" => MPS2_AN386,
            b"riscv-virt" => RISCV_VIRT,
            _ => MICROBIT,
        };
        Self { name, about, board, package, expected, release: false }
    }

    /// An image for the smallest board that is measured.
    const fn measured(name: &'static str, about: &'static str, package: &'static str, expected: Expected) -> Self {
        Self { name, about, board: MICROBIT, package, expected, release: true }
    }
}

/// The smallest board has too little flash for all scenarios at once: there, each group has images of its own.
#[rustfmt::skip]
pub(crate) const IMAGES: &[Image] = {
    use Expected::{Figures, Scenarios, Text};
    const TASKS: Expected = Text("common/src/tasks.txt");
    const FOOTPRINT: Expected = Text("footprint/src/bin/expected.txt");
    &[
        Image::tested("microbit-semaphore", "semaphores on a Cortex-M0 with 16 KiB of RAM", "microbit", Scenarios),
        Image::tested("microbit-semaphore-local", "the same without a lock", "microbit", Scenarios),
        Image::tested("microbit-limits", "limiters, lockouts and gates on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-limits-local", "the same without a lock", "microbit", Scenarios),
        Image::tested("microbit-maps", "maps that evict on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-queues", "queues on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-schedulers", "schedulers on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-groups", "task groups on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-shutdowns", "shutdown and hand-over on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-waterfalls", "batches on a Cortex-M0", "microbit", Scenarios),
        Image::tested("microbit-tasks", "embassy's own tasks on a Cortex-M0", "microbit", TASKS),
        Image::tested("mps2-an386-conformance", "every scenario on a Cortex-M4", "mps2-an386", Scenarios),
        Image::tested("mps2-an386-tasks", "embassy's own tasks on a Cortex-M4", "mps2-an386", TASKS),
        Image::tested("riscv-virt-conformance", "every scenario on RISC-V", "riscv-virt", Scenarios),
        Image::tested("riscv-virt-tasks", "embassy's own tasks on RISC-V", "riscv-virt", TASKS),
        Image::tested("priorities", "example: embassy tasks share a radio, the urgent one first", "microbit",
            Text("microbit/src/bin/priorities.txt")),
        Image::tested("samples", "example: an interrupt handler puts into a queue, an embassy task gets", "microbit",
            Text("microbit/src/bin/samples.txt")),
        Image::tested("superloop", "example: core alone, a superloop and an interrupt handler, no executor", "superloop",
            Text("superloop/src/main.txt")),
        Image::measured(WITHOUT, "two tasks that share nothing, to be measured", "footprint", FOOTPRINT),
        Image::measured(WITH, "the same two tasks with a semaphore between them", "footprint", FOOTPRINT),
        Image::measured(INSTRUCTIONS, "counts what the maps cost on a Cortex-M0", "microbit", Figures),
    ]
};

/// The pair whose difference is what a semaphore adds.
pub(crate) const WITHOUT: &str = "footprint-without";
pub(crate) const WITH: &str = "footprint-with";

/// What counts its own instructions.
pub(crate) const INSTRUCTIONS: &str = "map-instructions";

impl Image {
    /// The image of that name.
    pub(crate) fn named(name: &str) -> Result<&'static Self> {
        IMAGES.iter().find(|image| image.name == name).ok_or_else(|| {
            let names: Vec<_> = IMAGES.iter().map(|image| image.name).collect();
            format!("there is no image `{name}`; there are {}", names.join(", ")).into()
        })
    }

    /// Builds it, and answers where it is.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        let target = self.board.target;
        let mut cargo = Toolchain::needed_for(target)?.cargo("build", target);
        cargo.current_dir(places::firmware()).args(["--package", self.package, "--bin", self.name]);
        if self.release {
            cargo.arg("--release");
        }
        run(&mut cargo)?;
        let profile = if self.release { "release" } else { "debug" };
        Ok(places::target_dir("firmware").join(target).join(profile).join(self.name))
    }

    /// Builds it, runs it, shows what it prints, and compares that with what it must print.
    pub(crate) fn check(&self) -> Result {
        let image = self.build()?;
        let mut printed = String::new();
        let status = qemu::run(&self.board, &image, |line| {
            println!("{line}");
            printed.push_str(line);
            printed.push('\n');
        })?;
        if !status.success() {
            return Err(format!("the image ended with {status}").into());
        }
        self.expected.check(&printed)
    }
}

impl Expected {
    fn check(&self, printed: &str) -> Result {
        match self {
            Self::Text(file) => {
                let expected = fs::read_to_string(places::firmware().join(file));
                let expected = expected.map_err(|error| format!("{file}: {error}"))?;
                compare(printed, &expected).map_err(|error| format!("{file}: {error}").into())
            }
            Self::Scenarios => Ok(count(printed)?),
            Self::Figures => Ok(()),
        }
    }
}

/// Whether every scenario passed or was skipped, and the last line counts all that were printed.
fn count(printed: &str) -> core::result::Result<(), String> {
    let starting = |with: &str| printed.lines().filter(|line| line.trim_start().starts_with(with)).count();
    let (passed, skipped) = (starting("ok "), starting("skipped, "));
    let expected = format!("{passed} passed, {skipped} skipped, 0 failed");
    match printed.lines().last() {
        _ if passed == 0 => Err("no scenario passed".to_owned()),
        Some(last) if last == expected => Ok(()),
        Some(last) => Err(format!("the last line is to be `{expected}`, and it was `{last}`")),
        None => Err("nothing was printed".to_owned()),
    }
}

fn compare(printed: &str, expected: &str) -> core::result::Result<(), String> {
    let mut expected = expected.lines();
    for (number, line) in (1..).zip(printed.lines()) {
        match expected.next() {
            Some(wanted) if wanted == line => {}
            Some(wanted) => return Err(format!("line {number} is to be `{wanted}`, and it was `{line}`")),
            None => return Err(format!("`{line}` came after the last line")),
        }
    }
    expected.next().map_or(Ok(()), |wanted| Err(format!("`{wanted}` did not come")))
}

/// Names the images.
pub(crate) fn list() {
    for image in IMAGES {
        println!("{:26}{}", image.name, image.about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_compared_to_the_last_line() {
        assert!(compare("a\nb\n", "a\nb\n").is_ok());
        assert!(compare("a\n", "a\nb\n").is_err());
        assert!(compare("a\nb\n", "a\n").is_err());
        assert!(compare("a\nc\n", "a\nb\n").is_err());
        assert!(compare("", "").is_ok());
    }

    #[test]
    fn scenarios_are_counted() {
        assert!(
            count("on Embassy\n  ok a\n  ok b\n  skipped, as it is: c\n2 passed, 1 skipped, 0 failed\n").is_ok()
        );
        assert!(count("  ok a\n2 passed, 0 skipped, 0 failed\n").is_err(), "one is missing");
        assert!(count("  ok a\n  FAILED: b: c\n1 passed, 0 skipped, 1 failed\n").is_err());
        assert!(count("  ok a\n").is_err(), "it broke off");
        assert!(count("0 passed, 0 skipped, 0 failed\n").is_err());
        assert!(count("").is_err());
    }

    #[test]
    fn an_unknown_image_is_told_the_names() {
        assert!(Image::named("nothing").is_err_and(|error| error.to_string().contains("superloop")));
        assert!(Image::named(WITH).is_ok());
    }
}
