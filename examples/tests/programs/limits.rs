//! No client gets more than its share.

use crate::programs::Gateway;
use crate::upstream::Upstream;

/// Sends `count` requests for a page that is there; answers the states and the last `Retry-After`.
fn ask(gateway: &Gateway, count: usize, headers: &[(&str, &str)]) -> (Vec<u16>, Option<String>) {
    let answers: Vec<_> = (0..count).map(|_| gateway.send("GET", "/page", headers).answer()).collect();
    let again = answers.last().and_then(|answer| answer.header("retry-after")).map(Into::into);
    (answers.iter().map(|answer| answer.status).collect(), again)
}

fn with_a_page(args: &[&str]) -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(upstream.address, 8, &[&["--ttl", "3600", "--client-rate", "1"], args].concat());
    let first = gateway.send("GET", "/page", &[("x-forwarded-for", "192.0.2.1")]);
    upstream.next().answer("");
    assert_eq!(first.answer().status, 200);
    (upstream, gateway)
}

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let (upstream, gateway) = with_a_page(&[]);
    // Whatever it says of whom it asks for: that header is not believed.
    let (states, again) = ask(&gateway, 20, &[("x-forwarded-for", "192.0.2.2")]);
    assert!(states.iter().filter(|state| **state == 429).count() >= 10, "{states:?}");
    if states.last() == Some(&429) {
        assert_eq!(again.as_deref(), Some("1"));
    }
    // The gateway's own paths are free.
    assert!(gateway.health("refused") >= 10);
    assert!(upstream.is_idle());
}

#[test]
fn behind_a_proxy_clients_are_told_apart() {
    let (_upstream, gateway) = with_a_page(&["--behind-proxy"]);
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
    let (_upstream, gateway) = with_a_page(&["--behind-proxy"]);
    for client in 0..12_000_u32 {
        let client = core::net::Ipv4Addr::from(client).to_string();
        assert_eq!(ask(&gateway, 1, &[("x-forwarded-for", &client)]).0, [200], "{client}");
    }
    let remembered = gateway.health("clients");
    assert!(remembered <= 10_000, "{remembered}");
}
