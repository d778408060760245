//! The gateway's dashboard in a browser, Debian's `chromium`: `cargo xtask test` runs it where there is one.
#![cfg(unix)]

mod browser;
#[path = "../programs/http.rs"]
#[expect(dead_code, reason = "made for more than this")]
mod http;
#[path = "../programs/programs.rs"]
#[expect(dead_code, reason = "made for more than this")]
mod programs;
mod traffic;

use std::env;
use std::path::{Path, PathBuf};

use browser::{Browser, Look};
use programs::{Gateway, until};
use traffic::Traffic;

/// Where pictures go that nobody has asked for.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Opens the dashboard, and waits until it is live.
fn open(gateway: &Gateway) -> Browser {
    let mut browser = Browser::start();
    browser.look(Look::WIDE);
    browser.open(&format!("http://{}/", gateway.address));
    live(&mut browser);
    browser
}

fn live(browser: &mut Browser) {
    until("the page is live", || browser.text("#state") == "live");
}

/// Of how many moments the time lines consist.
fn past(browser: &mut Browser) -> u64 {
    browser.evaluate("document.querySelector('#chart-waiting polyline').points.length").as_u64().unwrap()
}

/// A figure as the page shows it: `12.3k` is 12 300.
fn figure(browser: &mut Browser, selector: &str) -> f64 {
    let shown = browser.text(selector);
    let number = shown.trim_end_matches([' ', '%', 'm', 's']);
    let (number, factor) = number.strip_suffix('k').map_or((number, 1.0), |number| (number, 1e3));
    number.parse::<f64>().map_or(0.0, |number| number * factor)
}

/// The sum of a column of a table, counted from one; the first names the rows.
fn column(browser: &mut Browser, table: &str, column: u32) -> f64 {
    let cells = format!("#table-{table} tbody td:nth-child({column})");
    let sum = format!(
        "[...document.querySelectorAll('{cells}')].reduce((sum, cell) => sum + (parseFloat(cell.textContent) || 0), 0)"
    );
    browser.evaluate(&sum).as_f64().unwrap()
}

#[test]
fn the_figures_move_under_load() {
    let gateway = Gateway::start_with_flaky_upstream(&["--behind-proxy", "--client-rate", "25", "--ttl", "3"]);
    let traffic = Traffic::start(gateway.address);
    let mut browser = open(&gateway);

    let figures = [("requests", 4), ("waiting", 4), ("latency", 5), ("cache", 4), ("batches", 2)];
    let before = figures.map(|(table, number)| column(&mut browser, table, number));
    for ((table, number), before) in figures.into_iter().zip(before) {
        until(&format!("the figures of {table} grow"), || column(&mut browser, table, number) > before);
    }
    for tile in ["#now-admitted", "#now-waiting", "#now-cached"] {
        until(&format!("{tile} says something"), || figure(&mut browser, tile) > 0.0);
    }
    // The upstream wants to be left alone now and then.
    until("a lockout is shown", || column(&mut browser, "lockouts", 2) > 0.0);
    until("refusals are counted", || column(&mut browser, "refusals", 3) > 0.0);
    for chart in ["requests", "lockouts", "waiting", "latency", "cache", "batches"] {
        let label = browser.evaluate(&format!("document.querySelector('#chart-{chart}').ariaLabel"));
        assert!(label.as_str().is_some_and(|label| label.contains(char::is_numeric)), "{chart}: {label}");
        let shapes = browser.evaluate(&format!("document.querySelectorAll('#chart-{chart} svg *').length"));
        assert!(shapes.as_u64() > Some(5), "{chart} shows nothing");
    }

    for look in Look::ALL {
        browser.look(look);
        // What does not fit would be to the right of what is seen, be it the page or a table in it.
        browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })");
        let drawn = "[...document.querySelectorAll('.chart > svg')].every((each) => each.viewBox.baseVal.width === each.parentNode.clientWidth)";
        until("the page is drawn anew", || browser.evaluate(drawn) == true);
        let wide = "[document.documentElement, ...document.querySelectorAll('.scroll, .panel, .chart, .tiles > div')]
            .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.id || each.className).join()";
        assert_eq!(browser.evaluate(wide), "", "too wide at {look:?}");
        browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = false; })");
        let ground =
            browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]");
        assert_eq!(ground.as_u64() < Some(128), look.dark, "the ground is {ground} at {look:?}");
        browser.save(&picture(&format!("dashboard-{}.png", look.name)));
    }
    if let Some(path) = env::var_os("TIDEGATE_SCREENSHOT") {
        browser.look(Look::WIDE);
        until("there is enough to see", || past(&mut browser) >= 50);
        browser.save(Path::new(&path));
    }
    assert_eq!(browser.complaints(), [""; 0]);
    drop(traffic);
}

#[test]
fn a_lost_connection_is_shown_and_found_again() {
    let gateway = Gateway::start_with_flaky_upstream(&[]);
    let address = gateway.address.to_string();
    let mut browser = open(&gateway);
    assert_eq!(browser.complaints(), [""; 0]);
    drop(gateway);
    until("the page says that it is lost", || browser.text("#state").contains("lost"));
    let _gateway = Gateway::start_with_flaky_upstream(&["--listen", &address]);
    live(&mut browser);
}

#[test]
fn the_keyboard_is_enough() {
    let gateway = Gateway::start_with_flaky_upstream(&[]);
    let mut browser = open(&gateway);
    let focused =
        |browser: &mut Browser| browser.evaluate("document.activeElement.id || document.activeElement.className");

    browser.press("Tab");
    assert_eq!(focused(&mut browser), "skip");
    let top = browser.evaluate("document.activeElement.getBoundingClientRect().top");
    assert!(top.as_f64() >= Some(0.0), "the way past the head is seen once it is reached");
    browser.press("Enter");
    until("the figures are reached", || focused(&mut browser) == "figures");
    browser.press("Tab");
    assert_eq!(focused(&mut browser), "chart-requests");
    let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid", "where one is, is seen");
    until("there is a past", || past(&mut browser) >= 2);
    browser.press("ArrowLeft");
    until("the past is looked at", || browser.text("#chart-requests .strong").contains("ago"));
    browser.press("Escape");
    until("the present is looked at", || {
        browser.evaluate("!document.querySelector('#chart-requests .strong')") == true
    });
    browser.evaluate("document.querySelector('#pause').focus()");
    browser.press("Enter");
    until("it is paused", || browser.text("#state") == "paused");
    let before = browser.text("#uptime");
    browser.press("Enter");
    live(&mut browser);
    until("it goes on", || browser.text("#uptime") != before);
    assert_eq!(browser.complaints(), [""; 0]);
}
