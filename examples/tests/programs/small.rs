//! The small examples run to their ends, and say what their comments promise.

use crate::programs::{Folder, run};

fn lines(name: &str) -> Vec<String> {
    let output = run(name, &[]);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    stdout.lines().map(Into::into).collect()
}

#[test]
fn priorities() {
    let lines = lines("priorities");
    let printed: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("printing: ")).collect();
    assert_eq!(printed, ["alarm", "ticket", "letter", "memo", "archive"]);
    assert_eq!(lines[lines.len() - 2..], ["waiting: 1", "waiting after it was cancelled: 0"]);
}

#[test]
fn blocking_and_async() {
    let hurried = ["a thread in a hurry: Some(TimedOut)", "a task in a hurry: Some(TimedOut)"];
    let served = ["a task has the licence", "a thread has the licence", "free again: 1"];
    assert_eq!(lines("blocking_and_async"), [&hurried[..], &served].concat());
}

#[test]
fn deterministic_test() {
    let lines = lines("deterministic_test");
    assert!(lines.iter().any(|line| line.contains("leaves -20, in this order")), "{lines:?}");
    assert!(lines.iter().any(|line| line == "with the semaphore, 1000 seeds agree"), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("it is 86400.000000000 s")), "{lines:?}");
}

#[test]
fn cached_lookup() {
    let lines = lines("cached_lookup");
    let held = ["held    each product was queried once, however many asked", "held    the answers are the same"];
    assert_eq!(lines[lines.len() - 2..], held);
    let row = |what: &str| -> (u64, u64) {
        let row = lines.iter().find_map(|line| line.strip_prefix(what)).unwrap();
        let mut figures = row.split_whitespace().map_while(|figure| figure.parse().ok());
        (figures.next().unwrap(), figures.next().unwrap())
    };
    let (bare, cached) = (row("without "), row("with "));
    assert_eq!((bare.0, bare.1), (20_000, 20_000));
    assert!(cached.0 == 20_000 && cached.1 <= 2_000, "{cached:?}");
}

#[test]
fn two_colours() {
    let lines = lines("two_colours");
    assert!(lines.iter().any(|line| line.trim_start().starts_with(char::is_numeric)), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("the same as counted by one thread: yes"));

    // A file of its own, of which the result is known; longer than a page, and without a newline at the end.
    let folder = Folder::new();
    let path = folder.file("corpus.txt");
    std::fs::write(&path, "one two two\n".repeat(5_000) + "three").unwrap();
    let output = run("two_colours", &[path.to_str().unwrap()]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[..2], ["files: 1, bytes: 60005", "words: 15001, different ones: 3"]);
    assert_eq!(lines[2..5], ["   10000 two", "    5000 one", "       1 three"]);
    assert_eq!(output.status.code(), Some(0));

    for bad in ["--what", "/there/is/no/such/file"] {
        assert!(!run("two_colours", &[bad]).status.success());
    }
}

/// With so much jitter allowed for that the machine may be as slow as it likes.
#[test]
fn client_429() {
    let output = run("client_429", &["4", "2"]);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    let says = |what: &str| stdout.lines().any(|line| line.ends_with(what));
    assert!(says("under way by then, 0 that set out later."), "{stdout}");
    assert!(says("0 requests set out while the gate was locked."), "{stdout}");
    let admitted = stdout.lines().find_map(|line| line.strip_prefix("Since the lockout ended "));
    let admitted: u32 = admitted.and_then(|line| line.split(' ').next()).expect("a count").parse().unwrap();
    assert!(admitted > 0, "{stdout}");
}
