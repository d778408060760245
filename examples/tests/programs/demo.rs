//! The demo: its table, its checks.

use crate::programs::run;

/// Runs the demo, which is to succeed, and answers the table's rows.
fn table(args: &[&str]) -> Vec<Vec<String>> {
    let output = run("gateway", args);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert_eq!(stdout.lines().filter(|line| line.starts_with("held ")).count(), 11, "{stdout}");
    assert!(!stdout.contains("BROKEN"), "{stdout}");
    assert!(stderr.lines().any(|line| line.contains("in line")), "no live progress: {stderr}");
    let rows = stdout.lines().skip_while(|line| !line.starts_with("class ")).skip(1);
    let rows = rows.take_while(|line| !line.is_empty());
    rows.map(|row| row.split_whitespace().map(Into::into).collect()).collect()
}

fn check(rows: &[Vec<String>]) {
    let classes: Vec<_> = rows.iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(classes, [("interactive", "-5"), ("normal", "0"), ("batch", "5")]);
    for row in rows {
        let figures: Vec<f64> = row[2..].iter().map(|figure| figure.parse().unwrap()).collect();
        let [count, per_second, p50, p90, p99, ..] = figures[..] else { panic!("{row:?}") };
        assert!(count > 0.0 && per_second > 0.0, "{row:?}");
        assert!(0.0 < p50 && p50 <= p90 && p90 <= p99, "{row:?}");
    }
}

#[test]
fn it_is_the_default() {
    check(&table(&["--seconds", "4", "--slack", "2"]));
}

#[test]
fn it_takes_options() {
    check(&table(&["--demo", "--seconds", "3", "--slack", "2", "--permits", "3", "--patience", "30"]));
}

#[test]
fn its_last_line_says_what_is_broken() {
    // Nobody has the time to be served.
    let output = run("gateway", &["--demo", "--seconds", "0.000000001"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("BROKEN  every class was served"), "{stdout}");
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("gateway: broken invariants: 1\n"));
}
