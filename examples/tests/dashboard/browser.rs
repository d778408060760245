//! [`Browser`]: Chromium without a window, told what to do through a pipe, by the protocol of its developer tools.

use core::sync::atomic::{AtomicU32, Ordering};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};

use crate::programs::{GIVE_UP, until};

/// What the page is looked at with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) dark: bool,
}

impl Look {
    pub(crate) const WIDE: Self = Self { name: "wide", width: 1200, dark: false };
    pub(crate) const ALL: [Self; 5] = [
        Self::WIDE,
        Self { name: "wide-dark", width: 1200, dark: true },
        Self { name: "phone", width: 390, dark: false },
        Self { name: "phone-dark", width: 390, dark: true },
        Self { name: "narrow", width: 360, dark: false },
    ];
}

/// A browser with one page; it ends when this is dropped.
pub(crate) struct Browser {
    child: Child,
    pipe: ChildStdin,
    messages: Receiver<Value>,
    /// What it keeps on the disk.
    profile: PathBuf,
    session: Value,
    sent: u64,
    complaints: Vec<String>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{number}"));
        // What an earlier run has left.
        let _ = fs::remove_dir_all(&profile);
        // It reads commands from file 3 and writes answers to file 4. Of a child's files the standard library hands
        // out the first three alone, so a shell renames two of them.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"]);
        shell.arg(env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into()));
        // The sandbox needs rights that a container seldom has; the only page that is opened is our own.
        shell.args([
            "--headless",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ]);
        shell.args(["--hide-scrollbars", "--no-first-run", "--disable-background-networking"]);
        shell.arg(format!("--user-data-dir={}", profile.display()));
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        // It ends with the browser.
        thread::spawn(move || {
            let messages = answers.split(0).map_while(Result::ok);
            messages
                .map(|message| serde_json::from_slice(&message).unwrap())
                .try_for_each(|message| sender.send(message))
        });

        let session = Value::Null;
        let mut browser = Self { child, pipe, messages, profile, session, sent: 0, complaints: Vec::new() };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].take();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a command, and waits for its result.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method });
        command["params"] = params;
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        write!(self.pipe, "{command}\0").unwrap();
        loop {
            let mut message = self.messages.recv_timeout(GIVE_UP).expect("the browser does not answer");
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.hear(&message);
        }
    }

    /// Takes note of what the page has to complain about.
    fn hear(&mut self, event: &Value) {
        let params = &event["params"];
        let bad = |level: &Value| level == "error" || level == "warning";
        let complains = match event["method"].as_str() {
            Some("Log.entryAdded") => bad(&params["entry"]["level"]),
            Some("Runtime.consoleAPICalled") => bad(&params["type"]),
            Some("Runtime.exceptionThrown") => true,
            _ => false,
        };
        if complains {
            self.complaints.push(params.to_string());
        }
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        until("the page is loaded", || self.evaluate("document.readyState") == "complete");
    }

    /// Looks at the page with another window, in another scheme.
    pub(crate) fn look(&mut self, look: Look) {
        let mobile = look.width < 600;
        let window = json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", window);
        let scheme = if look.dark { "dark" } else { "light" };
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", scheme);
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let mut answer = self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// The text of the first element that is meant, or nothing if there is none.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector('{selector}')?.textContent ?? ''"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key and lets go of it.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            _ => panic!("{key} is not known"),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Saves a picture of the whole page.
    pub(crate) fn save(&mut self, path: &Path) {
        let picture =
            self.call("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true }));
        fs::write(path, from_base64(picture["data"].as_str().unwrap())).unwrap();
    }

    /// Errors and warnings so far.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its parts end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .bytes()
        .map_while(|byte| (0..).zip(DIGITS).find(|(_, digit)| **digit == byte))
        .map(|(value, _)| value)
        .collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes().into_iter().skip(1).take(four.len() - 1)
    });
    bytes.collect()
}
