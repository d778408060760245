//! [`Traffic`]: clients of all priorities, who ask as long as this lives.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::http;

/// Priority, clients, and how long each rests between two requests.
const CROWDS: [(&str, u64, Duration); 3] = [
    ("-5", 12, Duration::from_millis(150)),
    ("0", 16, Duration::from_millis(150)),
    ("5", 16, Duration::from_millis(60)),
];

pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(crate) fn start(gateway: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for (crowd, (priority, number, rest)) in CROWDS.into_iter().enumerate() {
            for client in 0..number {
                let stop = Arc::clone(&stop);
                clients.push(thread::spawn(move || {
                    // The last crowd is one client in the gateway's eyes, and a greedy one.
                    let address = format!("192.0.{crowd}.{}", if crowd == 2 { 0 } else { client });
                    let headers = [("x-priority", priority), ("x-forwarded-for", &*address)];
                    let mut rng = fastrand::Rng::with_seed(client << 8 | crowd as u64);
                    let start = Instant::now();
                    while !stop.load(Ordering::Relaxed) {
                        let line = match rng.u32(0..10) {
                            0..=6 => format!("GET /api/pages/{:.0} HTTP/1.1", 120.0 * rng.f64().powi(3)),
                            _ => format!("POST /api/orders/{} HTTP/1.1", rng.u32(..)),
                        };
                        http::send(gateway, &line, &headers, "").answer();
                        // There is more to do at some times than at others.
                        let tide = 1.0 + 0.7 * (start.elapsed().as_secs_f64() / 6.0).sin();
                        thread::sleep(rest.mul_f64(tide * (0.5 + rng.f64())));
                    }
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
