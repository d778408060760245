//! The command line: what is wrong is said in one line, and ends with the right code.

use std::net::TcpListener;

use crate::programs::run;

/// Runs the gateway, which is to refuse, and answers its exit code and its one line.
fn refusal(args: &[&str]) -> (Option<i32>, String) {
    let output = run("gateway", args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{args:?}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("gateway: "), "{args:?}: {stderr}");
    (output.status.code(), stderr)
}

#[test]
fn wrong_arguments() {
    for (args, named) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["nonsense"], "nonsense"),
        (&["--permits"], "--permits"),
        (&["--permits", "0"], "--permits"),
        (&["--permits", "18446744073709551616"], "--permits"),
        (&["--permits", "18446744073709551615"], "--permits"),
        (&["--permits", "two\nlines"], "--permits"),
        (&["--seconds", "0"], "--seconds"),
        (&["--seconds", "-1"], "--seconds"),
        (&["--seconds", "1e300"], "--seconds"),
        (&["--patience", "NaN"], "--patience"),
        (&["--patience", "inf"], "--patience"),
        (&["--listen", "8080"], "--listen"),
        (&["--listen", "127.0.0.1:65536"], "--listen"),
        (&["--listen", "127.0.0.1:0", "--demo"], "--demo"),
        (&["--listen", "127.0.0.1:0", "--seconds", "1"], "--seconds"),
        (&["--listen", "127.0.0.1:0", "--soak"], "--soak"),
        (&["--soak", "0"], "--soak"),
        (&["--overhead", "--demo"], "--overhead"),
        (&["--upstream", "http://127.0.0.1:1"], "--upstream"),
        (&["--upstream", "https://127.0.0.1:1"], "--upstream"),
        (&["--upstream", "http://127.0.0.1:1/below"], "--upstream"),
        (&["--upstream", ""], "--upstream"),
        (&["--rate", "0"], "--rate"),
        (&["--client-rate", "1000001"], "--client-rate"),
        (&["--log"], "--log"),
    ] {
        let (code, line) = refusal(args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(line.contains(named) && line.contains("--help"), "{args:?}: {line}");
    }
}

#[test]
fn a_busy_port() {
    let busy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let (code, line) = refusal(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(line.contains(&address), "{line}");
}

#[test]
fn a_log_that_cannot_be_written() {
    let (code, line) = refusal(&["--listen", "127.0.0.1:0", "--log", "/there/is/no/such/folder/log.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(line.contains("/there/is/no/such/folder"), "{line}");
}

#[test]
fn help_names_every_option() {
    for flag in ["--help", "-h"] {
        let output = run("gateway", &[flag]);
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
        let help = String::from_utf8(output.stdout).unwrap();
        let modes = ["--demo", "--seconds", "--soak", "--overhead", "--listen", "--upstream"];
        let limits = ["--permits", "--rate", "--slack", "--client-rate", "--patience", "--ttl"];
        for option in modes.iter().chain(&limits).chain(&["--behind-proxy", "--log", "--help"]) {
            assert!(help.contains(option), "{option}");
        }
    }
}
