//! Where the programs are, and [`Gateway`]: one of them that serves.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::env::{self, consts::EXE_SUFFIX};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use crate::http::{self, Pending};

/// When to give up on something that was to happen: a test that fails is better than one that hangs. The machine may
/// stand still for a while.
pub(crate) const GIVE_UP: Duration = Duration::from_mins(10);
/// Only so that asking does not keep it from happening.
const PAUSE: Duration = Duration::from_millis(2);
/// How often to ask. Time in which the whole machine stands still does not count, as nobody asks.
const PATIENCE: u32 = 30_000;

/// Runs an example to its end.
pub(crate) fn run(name: &str, args: &[&str]) -> Output {
    Program::start(name, args).end()
}

/// A process, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// Where it puts what is temporary: removed after its end, however that comes.
    folder: Folder,
}

/// A new folder, removed with all that is in it when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Where a file of this name is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in a folder for what nobody misses.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Program {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(path(name));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let folder = Folder::new();
        for variable in ["TMPDIR", "TMP", "TEMP"] {
            command.env(variable, &folder.0);
        }
        Self { child: command.spawn().unwrap(), folder }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it prints something.
    #[cfg(unix)]
    pub(crate) fn until_it_speaks(&mut self) {
        self.child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    }

    /// What it has put where temporary files go, and not removed.
    #[cfg(unix)]
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.folder.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Waits for its end: how it ended, and all that it printed.
    pub(crate) fn end(&mut self) -> Output {
        self.until_its_end();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status: self.child.wait().unwrap(), stdout, stderr }
    }

    /// What it prints waits in the pipes meanwhile, which have room for far more than these programs print.
    fn until_its_end(&mut self) {
        until("the program ends", || self.child.try_wait().unwrap().is_some());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program of an example.
///
/// `cargo test` builds all examples first, unless it is told which tests to build. Then an example may be missing
/// or out of date, and is built here.
fn path(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    // This program is target/<profile>/deps/programs-<hash>.
    let this = env::current_exe().unwrap();
    let profile = this.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    if modified(&program).is_none_or(|built| built < newest_source()) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
        cargo.args(["--example", name, "--target-dir"]).arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the example {name} does not build");
    }
    program
}

fn newest_source() -> SystemTime {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut newest = SystemTime::UNIX_EPOCH;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path != root.join("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext != "toml") {
                newest = newest.max(modified(&path).unwrap());
            }
        }
    }
    newest
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// `gateway --listen`.
pub(crate) struct Gateway {
    program: Program,
    lines: Receiver<String>,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Starts it in front of `upstream`, and waits until it serves.
    pub(crate) fn start(upstream: SocketAddr, permits: usize, args: &[&str]) -> Self {
        let (upstream, permits) = (format!("http://{upstream}/"), permits.to_string());
        let common = ["--upstream", &upstream, "--permits", &permits];
        Self::start_with_flaky_upstream(&[&common, args].concat())
    }

    /// Starts it in front of the upstream that it brings, unless told otherwise, and waits until it serves.
    pub(crate) fn start_with_flaky_upstream(args: &[&str]) -> Self {
        let mut program = Program::start("gateway", &[&["--listen", "127.0.0.1:0"], args].concat());
        let stdout = BufReader::new(program.child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // It ends with the program.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let line = lines.recv_timeout(GIVE_UP).expect("it does not say where it listens");
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.split('/').next());
        let address = address.and_then(|address| address.parse().ok()).expect(&line);
        Self { program, lines, address }
    }

    /// Sends a request for `path`, below `/api`, at a priority.
    pub(crate) fn get(&self, path: &str, priority: &str) -> Pending {
        self.send("GET", path, &[("x-priority", priority)])
    }

    /// Sends a request for `path`, below `/api`, with these headers.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Pending {
        http::send(self.address, &format!("{method} /api{path} HTTP/1.1"), headers, "")
    }

    /// A figure of `/health`.
    pub(crate) fn health(&self, figure: &str) -> u64 {
        let answer = http::send(self.address, "GET /health HTTP/1.1", &[], "").answer();
        let value = answer.body.split_once(&format!("\"{figure}\":")).expect(&answer.body).1;
        value.split([',', '}']).next().unwrap().parse().expect(&answer.body)
    }

    /// Waits until a figure of `/health` has this value.
    pub(crate) fn until(&self, figure: &str, value: u64) {
        until(&format!("{figure} is {value}"), || self.health(figure) == value);
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.program.child.id()
    }

    /// What it prints next.
    pub(crate) fn next_line(&self) -> String {
        self.lines.recv_timeout(GIVE_UP).expect("it says nothing")
    }

    /// Waits for its end: the exit code, and all of standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.program.until_its_end();
        let mut stderr = String::new();
        self.program.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.program.child.wait().unwrap().code(), stderr)
    }
}

/// `graceful`, until a signal.
#[cfg(unix)]
pub(crate) struct Graceful {
    program: Program,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

#[cfg(unix)]
impl Graceful {
    /// Starts it, and waits until it serves.
    pub(crate) fn start() -> Self {
        let mut program = Program::start("graceful", &[]);
        let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with("serving"));
        Self { program, lines }
    }

    /// Sends it a signal, and waits for its end: the rest of what it has printed.
    pub(crate) fn stopped_by(mut self, signal: rustix::process::Signal) -> String {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.program.child), signal).unwrap();
        self.program.until_its_end();
        let rest: Result<Vec<_>, _> = self.lines.by_ref().collect();
        assert_eq!(self.program.child.wait().unwrap().code(), Some(0));
        rest.unwrap().join("\n")
    }
}

/// Asks again and again, until it is so.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE {
        if so() {
            return;
        }
        thread::sleep(PAUSE);
    }
    panic!("it did not come to pass that {what}");
}
