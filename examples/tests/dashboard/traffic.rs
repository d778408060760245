//! [`Traffic`]: clients of all priorities, who ask as long as this lives.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::http;

/// Clients who are alike.
struct Crowd {
    priority: &'static str,
    clients: u64,
    /// How many of them are one in the gateway's eyes.
    together: u64,
    /// How long each rests between two requests.
    rest: Duration,
}

/// The first two leave the third too little.
const CROWDS: [Crowd; 3] = [
    Crowd { priority: "-5", clients: 12, together: 1, rest: Duration::from_millis(150) },
    Crowd { priority: "0", clients: 16, together: 1, rest: Duration::from_millis(150) },
    Crowd { priority: "5", clients: 40, together: 10, rest: Duration::from_millis(5) },
];

/// How long whoever is refused stays away.
const REFUSED: Duration = Duration::from_millis(400);

pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(crate) fn start(gateway: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for (crowd, number) in CROWDS.iter().zip(0..) {
            for client in 0..crowd.clients {
                let stop = Arc::clone(&stop);
                let address = format!("192.0.{number}.{}", client / crowd.together);
                clients.push(thread::spawn(move || {
                    let rng = fastrand::Rng::with_seed(client << 8 | number);
                    ask(gateway, crowd, &address, rng, &stop);
                }));
            }
        }
        Self { stop, clients }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Each gets the answer that it waits for: the gateway must still be there.
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

fn ask(gateway: SocketAddr, crowd: &Crowd, address: &str, mut rng: fastrand::Rng, stop: &AtomicBool) {
    let headers = [("x-priority", crowd.priority), ("x-forwarded-for", address)];
    let start = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let line = match rng.u32(0..10) {
            0..=5 => format!("GET /api/pages/{:.0} HTTP/1.1", 200.0 * rng.f64().powi(3)),
            _ => format!("POST /api/orders/{} HTTP/1.1", rng.u32(..)),
        };
        let refused = http::send(gateway, &line, &headers, "").answer().status == 429;
        // There is more to do at some times than at others.
        let tide = 1.0 + 0.5 * (start.elapsed().as_secs_f64() / 6.0).sin();
        let rest = if refused { REFUSED } else { crowd.rest };
        thread::sleep(rest.mul_f64(tide * (0.5 + rng.f64())));
    }
}
