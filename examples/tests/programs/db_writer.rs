//! The writer: whatever it has accepted is in the file, also when it is interrupted.
#![cfg(unix)]

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{Folder, Program, run, until};

fn count(file: &Path) -> u64 {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let counted = connection.and_then(|file| file.query_row("SELECT count(*) FROM reading", (), |row| row.get(0)));
    counted.unwrap_or(0)
}

#[test]
fn all_three_ways_write_everything() {
    let folder = Folder::new();
    let file = folder.file("ways");
    let output = run("db_writer", &["--rows", "2500", "--batch", "100", "--file", file.to_str().unwrap()]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    for way in ["one-by-one", "by-hand", "waterfall"] {
        let line = stdout.lines().find(|line| line.starts_with(way)).expect(way);
        assert_eq!(line.split_whitespace().nth(1), Some("2500"), "{line}");
    }
    assert_eq!(count(&file), 2500);
}

#[test]
fn interrupted_in_the_middle_it_loses_nothing_that_was_accepted() {
    let folder = Folder::new();
    let file = folder.file("interrupted");
    let args = ["--only", "waterfall", "--rows", "1000000000", "--batch", "500", "--file", file.to_str().unwrap()];
    let mut program = Program::start("db_writer", &args);
    until("it is in the middle", || count(&file) > 2_000);
    let pid = i32::try_from(program.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = program.end();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{stdout}");

    let numbers = stdout.lines().find_map(|line| line.strip_prefix("accepted ")).expect(&stdout);
    let (accepted, written) = numbers.split_once(", in the file ").expect(numbers);
    let accepted: u64 = accepted.parse().unwrap();
    assert_eq!((accepted, accepted), (written.parse().unwrap(), count(&file)));
    // Each sensor's numbers are there, from the first to the last without a gap, each once.
    let connection = Connection::open(&file).unwrap();
    let gaps: u64 = connection
        .query_row(
            "SELECT count(*) FROM (SELECT max(number) + 1 AS last, count(DISTINCT number) AS there, count(*) AS rows
             FROM reading GROUP BY sensor) WHERE last <> there OR there <> rows",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(gaps, 0);
}
