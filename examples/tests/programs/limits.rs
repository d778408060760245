//! No client gets more than its share.

use crate::programs::Gateway;
use crate::upstream::Echo;

/// Sends `count` requests; answers the states and the last `Retry-After`.
fn ask(gateway: &Gateway, count: usize, headers: &[(&str, &str)]) -> (Vec<u16>, Option<String>) {
    let answers: Vec<_> = (0..count).map(|_| gateway.send("GET", "/page", headers).answer()).collect();
    let again = answers.last().and_then(|answer| answer.header("retry-after")).map(Into::into);
    (answers.iter().map(|answer| answer.status).collect(), again)
}

/// One that allows a client one request per second.
fn strict(args: &[&str]) -> Gateway {
    let upstream = Echo::start();
    let strict = ["--rate", "1000000", "--client-rate", "1"];
    Gateway::start(upstream.address, 8, &[&strict, args].concat())
}

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let gateway = strict(&[]);
    // Whatever it says of whom it asks for: that header is not believed.
    let (states, again) = ask(&gateway, 20, &[("x-forwarded-for", "192.0.2.2")]);
    assert!(states.iter().filter(|state| **state == 429).count() >= 10, "{states:?}");
    if states.last() == Some(&429) {
        assert_eq!(again.as_deref(), Some("1"));
    }
    // The gateway's own paths are free.
    assert!(gateway.health("refused") >= 10);
}

#[test]
fn behind_a_proxy_clients_are_told_apart() {
    let gateway = strict(&["--behind-proxy"]);
    for client in 0..20 {
        let client = format!("203.0.113.1, 192.0.2.{}", 100 + client);
        assert_eq!(ask(&gateway, 1, &[("x-forwarded-for", &client)]).0, [200], "{client}");
    }
    // The last one is who our own proxy has seen; the others are hearsay.
    let (states, _) = ask(&gateway, 20, &[("x-forwarded-for", "192.0.2.100, 203.0.113.2")]);
    assert!(states.contains(&429), "{states:?}");
}

#[test]
fn there_may_be_any_number_of_clients() {
    let gateway = strict(&["--behind-proxy"]);
    for client in 0..12_000_u32 {
        let client = core::net::Ipv4Addr::from(client).to_string();
        assert_eq!(ask(&gateway, 1, &[("x-forwarded-for", &client)]).0, [200], "{client}");
    }
    let remembered = gateway.health("clients");
    assert!(remembered <= 10_000, "{remembered}");
}
