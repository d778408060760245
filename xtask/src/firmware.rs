//! The firmware images: built, run in QEMU, their output compared.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

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
    /// What it must print, in the firmware workspace.
    expected: &'static str,
    /// Whether it is built to be measured, not to be tested.
    release: bool,
}

pub(crate) const IMAGES: [Image; 10] = [
    Image {
        name: "microbit-conformance",
        about: "every scenario on a Cortex-M0 with 16 KiB of RAM",
        board: MICROBIT,
        package: "microbit",
        expected: "common/src/conformance.txt",
        release: false,
    },
    Image {
        name: "microbit-conformance-local",
        about: "the same without a lock",
        board: MICROBIT,
        package: "microbit",
        expected: "common/src/conformance_local.txt",
        release: false,
    },
    Image {
        name: "mps2-an386-conformance",
        about: "every scenario on a Cortex-M4",
        board: MPS2_AN386,
        package: "mps2-an386",
        expected: "common/src/conformance.txt",
        release: false,
    },
    Image {
        name: "mps2-an386-conformance-local",
        about: "the same without a lock",
        board: MPS2_AN386,
        package: "mps2-an386",
        expected: "common/src/conformance_local.txt",
        release: false,
    },
    Image {
        name: "riscv-virt-conformance",
        about: "every scenario on RISC-V",
        board: RISCV_VIRT,
        package: "riscv-virt",
        expected: "common/src/conformance.txt",
        release: false,
    },
    Image {
        name: "riscv-virt-conformance-local",
        about: "the same without a lock",
        board: RISCV_VIRT,
        package: "riscv-virt",
        expected: "common/src/conformance_local.txt",
        release: false,
    },
    Image {
        name: "priorities",
        about: "example: embassy tasks share a radio, the urgent one first",
        board: MICROBIT,
        package: "microbit",
        expected: "microbit/src/bin/priorities.txt",
        release: false,
    },
    Image {
        name: "superloop",
        about: "example: core alone, a superloop and an interrupt handler, no executor",
        board: MICROBIT,
        package: "superloop",
        expected: "superloop/src/main.txt",
        release: false,
    },
    Image {
        name: WITHOUT,
        about: "two tasks that share nothing, to be measured",
        board: MICROBIT,
        package: "footprint",
        expected: "footprint/src/bin/expected.txt",
        release: true,
    },
    Image {
        name: WITH,
        about: "the same two tasks with a semaphore between them",
        board: MICROBIT,
        package: "footprint",
        expected: "footprint/src/bin/expected.txt",
        release: true,
    },
];

/// The pair whose difference is what a semaphore adds.
pub(crate) const WITHOUT: &str = "footprint-without";
pub(crate) const WITH: &str = "footprint-with";

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

    /// Runs it and compares what it prints with what it must print.
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
        let path = places::firmware().join(self.expected);
        let expected = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", self.expected))?;
        compare(&printed, &expected).map_err(|error| format!("{}: {error}", self.expected).into())
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
    for image in &IMAGES {
        println!("{:24}{}", image.name, image.about);
    }
}

/// Builds an image, runs it and shows what it prints.
pub(crate) fn show(name: &str) -> Result<ExitCode> {
    let image = Image::named(name)?;
    let status = qemu::run(&image.board, &image.build()?, |line| println!("{line}"))?;
    if status.success() { Ok(ExitCode::SUCCESS) } else { Err(format!("the image ended with {status}").into()) }
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
    fn an_unknown_image_is_told_the_names() {
        assert!(Image::named("nothing").is_err_and(|error| error.to_string().contains("superloop")));
        assert!(Image::named(WITH).is_ok());
    }
}
