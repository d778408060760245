//! The facts that figures mean nothing without.

use std::process::Command;
use std::{env, fs, thread};

use super::args::ROUNDS;

/// The lock file that the peers were built by.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The machine, the compiler, the contenders' versions, and the command.
pub(super) fn facts(contenders: &[String]) -> Vec<String> {
    let model = cpu_model().unwrap_or_else(|| env::consts::ARCH.to_owned());
    let mut peers: Vec<String> = Vec::new();
    for contender in contenders {
        let peer = contender.split_whitespace().next().unwrap_or_default();
        if let Some(version) = version(LOCK, peer) {
            let peer = format!("{peer} {version}");
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
    }
    let mut facts = vec![
        format!("Machine: {model}, {} cores, {}.", cores(), env::consts::OS),
        format!("Compiler: {}, fat LTO.", rustc().unwrap_or_else(|| "rustc".to_owned())),
        format!("Peers: {}.", peers.join(", ")),
        format!("Command: `{}`", command()),
    ];
    facts.retain(|fact| fact != "Peers: .");
    facts
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn rustc() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|version| !version.is_empty())
}

fn command() -> String {
    let mut command = String::new();
    if let Ok(rounds) = env::var(ROUNDS) {
        command = format!("{ROUNDS}={rounds} ");
    }
    command.push_str("cargo bench -p tidegate-benches");
    let target = env::current_exe().unwrap_or_default();
    if target.file_name().is_some_and(|name| name.to_string_lossy().starts_with("instructions")) {
        command.push_str(" --bench instructions");
    }
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if !args.is_empty() {
        command.push_str(" -- ");
        command.push_str(&args.join(" "));
    }
    command
}

/// The version of `package` in the text of a lock file.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')) == Some(package))?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock =
            "[[package]]\nname = \"a-b\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"a\"\nversion = \"4.0.0\"\n";
        assert_eq!(version(lock, "a"), Some("4.0.0"));
        assert_eq!(version(lock, "a-b"), Some("1.2.3"));
        assert_eq!(version(lock, "b"), None);
    }
}
