//! A short soak: hostile clients among the others, and nothing grows or gets lost.

use crate::programs::run;

#[test]
fn nothing_grows_and_nothing_is_lost() {
    let output = run("gateway", &["--soak", "4000"]);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert_eq!(stdout.lines().filter(|line| line.starts_with("held ")).count(), 6, "{stdout}");
    // Of each kind of client there were some.
    let counts = stdout.lines().find(|line| line.contains("meant harm")).expect(&stdout);
    let counts: Vec<u64> = counts.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [answered, _, hung_up, hostile] = counts[..] else { panic!("{counts:?}") };
    assert!(answered > 2_000 && hung_up > 0 && hostile > 50, "{counts:?}");
}
