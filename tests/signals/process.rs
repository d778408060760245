//! [`Process`]: a child, as its parent sees it.

use core::time::Duration;
use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

/// Tells this program that it is a child.
pub(crate) const CHILD: &str = "--child";

/// Longer than any case takes: whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a background job would have ignored, and its children with it, is heard again.
const ALL_HEARD: &str = "--default-signal=INT,QUIT,TERM,HUP";

/// Whether the system's `env` can say so: GNU's can.
static HEARING: LazyLock<bool> = LazyLock::new(|| {
    let mut command = Command::new("env");
    command.args([ALL_HEARD, "true"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
});

/// A child. It is killed if it is dropped before it has ended.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Dropped when the child has ended.
    _watched: mpsc::Sender<()>,
}

impl Process {
    /// A child in a role, which no signal is hidden from.
    pub(crate) fn start(role: &str) -> Self {
        let program = env::current_exe().expect("this program is a file");
        let mut command = if *HEARING {
            let mut command = Command::new("env");
            command.arg(ALL_HEARD).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args([CHILD, role]);
        Self::spawn(command, role)
    }

    /// The same, with a signal that is ignored from the start, as `nohup` does it.
    pub(crate) fn start_ignoring(signal: &str, role: &str) -> Self {
        let mut command = Command::new("sh");
        let script = format!("trap '' {signal}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(env::current_exe().expect("this program is a file")).args([CHILD, role]);
        Self::spawn(command, role)
    }

    fn spawn(mut command: Command, role: &str) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process can be had");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (watched, end) = mpsc::channel::<()>();
        let name = role.to_owned();
        thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("the child {name} hangs");
                process::exit(1);
            }
        });
        Self { child, input, lines: BufReader::new(output).lines(), _watched: watched }
    }

    /// The child's next line.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.next() {
            Some(line) => line.expect("it speaks plain text"),
            None => "(nothing more)".into(),
        }
    }

    /// Demands that the child says this next.
    pub(crate) fn says(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.line(), *expected);
        }
    }

    /// Tells the child to go on.
    pub(crate) fn go_on(&mut self) {
        writeln!(self.input, "go on").expect("it listens");
    }

    /// Sends it a signal; `false` if it has gone.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        kill_process(Pid::from_child(&self.child), signal).is_ok()
    }

    /// Whether it is gone.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The signal that it dies of, if it does not end by itself.
    pub(crate) fn dies_of(mut self) -> Option<i32> {
        let rest: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        let status = self.child.wait().expect("it is a child of this process");
        assert!(status.success() || status.signal().is_some(), "{status}, {rest:?}");
        status.signal()
    }

    /// Demands that it ends by itself.
    pub(crate) fn ends(self) {
        assert_eq!(self.dies_of(), None);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to be killed if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
