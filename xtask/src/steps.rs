//! Steps: each with a heading and the time it took, and at the end how many passed.

use std::process::ExitCode;
use std::time::Instant;

use crate::Result;
use crate::setup::Need;

/// The steps so far.
#[derive(Debug)]
pub(crate) struct Steps {
    start: Instant,
    /// Whether leaving a step out is a failure.
    strict: bool,
    passed: usize,
    failed: Vec<String>,
    left_out: Vec<String>,
}

impl Steps {
    pub(crate) fn new(strict: bool) -> Self {
        Self { start: Instant::now(), strict, passed: 0, failed: Vec::new(), left_out: Vec::new() }
    }

    /// Takes a step, or leaves it out if something that it needs is missing.
    pub(crate) fn step(&mut self, name: &str, needs: &[Need], body: impl FnOnce() -> Result) {
        println!("\n=== {name}");
        let missing: Vec<_> = needs.iter().filter_map(|need| need.missing()).collect();
        if !missing.is_empty() {
            let reason = format!("{name}: missing {}", missing.join(" and "));
            println!("--- LEFT OUT: {reason}");
            self.left_out.push(reason);
            return;
        }
        let start = Instant::now();
        let outcome = body();
        let time = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("--- {name}: passed, {time:.1} s");
            }
            Err(error) => {
                println!("--- {name}: FAILED, {time:.1} s: {error}");
                self.failed.push(format!("{name}: {error}"));
            }
        }
    }

    /// Says how it went; the last line is the count.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n=== all steps: {:.0} s", self.start.elapsed().as_secs_f64());
        for failure in &self.failed {
            println!("FAILED: {failure}");
        }
        if !self.left_out.is_empty() {
            println!("!!! NOT EVERYTHING RAN; `cargo xtask test --install` installs what is missing");
            for reason in &self.left_out {
                println!("!!! LEFT OUT: {reason}");
            }
        }
        let (failed, skipped) = self.verdict();
        println!("{}", count(self.passed, failed, skipped));
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// How many steps failed, and how many were left out without harm.
    fn verdict(&self) -> (usize, usize) {
        let (failed, left_out) = (self.failed.len(), self.left_out.len());
        if self.strict { (failed + left_out, 0) } else { (failed, left_out) }
    }
}

fn count(passed: usize, failed: usize, skipped: usize) -> String {
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    format!("{passed} passed, {failed} failed{skipped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(strict: bool, missing: bool, body: Result) -> (usize, (usize, usize)) {
        let needs = [Need::Emulator("no-such-emulator")];
        let mut steps = Steps::new(strict);
        steps.step("a step", if missing { &needs } else { &[] }, || body);
        (steps.passed, steps.verdict())
    }

    #[test]
    fn leaving_out_fails_only_when_strict() {
        assert_eq!(counts(false, true, Ok(())), (0, (0, 1)));
        assert_eq!(counts(true, true, Ok(())), (0, (1, 0)));
        assert_eq!(counts(true, false, Ok(())), (1, (0, 0)));
        assert_eq!(counts(false, false, Err("broken".into())), (0, (1, 0)));
    }

    #[test]
    fn any_failure_fails_the_whole() {
        assert_eq!(Steps { passed: 1, ..Steps::new(true) }.finish(), ExitCode::SUCCESS);
        assert_eq!(
            Steps { passed: 1, failed: vec![String::new()], ..Steps::new(false) }.finish(),
            ExitCode::FAILURE
        );
    }

    #[test]
    fn the_count_is_plain() {
        assert_eq!(count(3, 0, 0), "3 passed, 0 failed");
        assert_eq!(count(3, 1, 2), "3 passed, 1 failed, 2 skipped");
    }
}
