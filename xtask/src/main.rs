//! The project's own commands: `cargo xtask` says which.
#![forbid(unsafe_code)]

mod apt;
mod firmware;
mod footprint;
mod places;
mod process;
mod qemu;
mod setup;
mod steps;
mod target;
mod test;

use std::env;
use std::process::ExitCode;

use firmware::Image;

const USAGE: &str = "\
cargo xtask test [--install]   runs every check; --install sets up what is missing first
cargo xtask firmware NAME      builds a firmware image, runs it in QEMU and checks its output
cargo xtask firmware --list    names the images
cargo xtask footprint          what a semaphore adds to an image for the Cortex-M0
cargo xtask instructions       what the maps cost on a Cortex-M0, in instructions
cargo xtask screenshot         takes the README's picture of the gateway's dashboard anew";

/// What went wrong, in one line.
type Error = Box<dyn core::error::Error>;
type Result<T = ()> = core::result::Result<T, Error>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        [] | ["-h" | "--help" | "help", ..] => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        ["test"] => Ok(test::all(false)),
        ["test", "--install"] => Ok(test::all(true)),
        ["firmware", "--list"] => {
            firmware::list();
            Ok(ExitCode::SUCCESS)
        }
        ["firmware", name] if !name.starts_with('-') => check(name),
        ["instructions"] => check(firmware::INSTRUCTIONS),
        ["footprint"] => footprint::print(),
        ["screenshot"] => test::screenshot(),
        _ => Err(format!("`{}` is not a command; `cargo xtask --help` lists them", args.join(" ")).into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn check(image: &str) -> Result<ExitCode> {
    Image::named(image)?.check()?;
    Ok(ExitCode::SUCCESS)
}
