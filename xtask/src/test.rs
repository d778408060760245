//! `cargo xtask test`: every check there is, in order.

use std::env;
use std::process::{Command, ExitCode};

use crate::firmware::IMAGES;
use crate::process::{cargo, run};
use crate::setup::{self, Need};
use crate::steps::Steps;
use crate::target::{self, Toolchain};
use crate::{Result, places};

/// Features that are off by default, for checks of the whole workspace.
const FEATURES: &str = "--features=tidegate-core/alloc,tidegate-core/critical-section,tidegate-core/defmt,\
                        tidegate-threads/background-loop,tidegate-tokio/tracing,tidegate-examples/browser";

/// Sets up what is missing if asked to, runs everything, and answers whether all went well.
pub(crate) fn all(install: bool) -> ExitCode {
    let ci = env::var("CI").is_ok_and(|ci| ci == "true");
    let mut steps = Steps::new(install || ci);
    if install {
        println!("=== set-up");
        setup::install();
    }
    style(&mut steps);
    host(&mut steps);
    embedded(&mut steps);
    steps.finish()
}

fn style(steps: &mut Steps) {
    steps.step("format", &[Need::Rustfmt], || {
        run(cargo().args(["fmt", "--all", "--check"]))?;
        for workspace in [places::firmware(), places::loom(), places::fuzz()] {
            run(cargo().current_dir(workspace).args(["fmt", "--all", "--check"]))?;
        }
        Ok(())
    });
    steps.step("lints", &[Need::Clippy], || {
        run(cargo().args(["clippy", "--workspace", "--all-targets", FEATURES, "--", "-D", "warnings"]))?;
        run(cargo().args(["clippy", "--package", "tidegate-core", "--", "-D", "warnings"]))
    });
    steps.step("docs", &[], || {
        run(cargo().args(["doc", "--workspace", "--no-deps", FEATURES]).env("RUSTDOCFLAGS", "-D warnings"))
    });
}

fn host(steps: &mut Steps) {
    steps.step("tests", &[], || run(cargo().args(["test", "--no-fail-fast"])));
    steps.step("core without alloc", &[], || run(cargo().args(["test", "--package", "tidegate-core"])));
    steps.step("core with alloc", &[], || {
        run(cargo().args(["test", "--package", "tidegate-core", "--features", "alloc"]))
    });
    steps.step("threads, tokio and tower with all features", &[], || {
        run(cargo().args([
            "test",
            "--package",
            "tidegate-threads",
            "--package",
            "tidegate-tokio",
            "--package",
            "tidegate-tower",
            "--all-features",
        ]))
    });
    steps.step("dashboard in a browser", &[Need::Browser], || run(&mut dashboard()));
    steps.step("loom models", &[], || {
        run(cargo()
            .current_dir(places::loom())
            .args(["test", "--release"])
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", places::target_dir("loom")))
    });
    steps.step("fuzz targets compile", &[], || {
        run(cargo().current_dir(places::fuzz()).args(["check", "--locked", "--no-default-features"]))
    });
    steps.step("benchmarks compile", &[], || {
        run(cargo().args(["check", "--package", "tidegate-benches", "--all-targets"]))
    });
}

/// The dashboard's tests, which need a browser.
fn dashboard() -> Command {
    let mut cargo = cargo();
    cargo.args(["test", "--package", "tidegate-examples", "--features", "browser", "--test", "dashboard"]);
    cargo
}

/// Takes the picture of the dashboard that the README shows.
pub(crate) fn screenshot() -> Result<ExitCode> {
    let picture = places::root().join("examples/gateway/dashboard.png");
    run(dashboard().args(["the_figures_move_under_load"]).env("TIDEGATE_SCREENSHOT", &picture))?;
    println!("took {}", picture.display());
    Ok(ExitCode::SUCCESS)
}

fn embedded(steps: &mut Steps) {
    for target in target::ALL {
        steps.step(&format!("builds for {target}"), &[Need::Target(target)], || {
            let toolchain = Toolchain::needed_for(target)?;
            let build = |args: &[&str]| run(toolchain.cargo("build", target).args(args));
            build(&["--package", "tidegate-core"])?;
            build(&["--package", "tidegate-core", "--features", "alloc"])?;
            build(&["--package", "tidegate-embassy"])?;
            if target == target::RISCV {
                return Ok(());
            }
            build(&["--package", "tidegate-embassy", "--features", "thread-mode"])
        });
    }
    for image in IMAGES {
        steps.step(&format!("firmware {}", image.name), &Need::of(&image.board), || image.check());
    }
}
