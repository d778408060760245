//! A blocking thread and a channel.

use blocking::Unblock;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

pub(super) async fn tokio_mpsc(capacity: usize, items: u64) {
    let (sender, mut receiver) = mpsc::channel(capacity);
    let producer = spawn_blocking(move || {
        for item in 0..items {
            sender.blocking_send(item).expect("open");
        }
    });
    let mut seen = 0;
    while receiver.recv().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, items);
    producer.await.expect("it does not panic");
}

pub(super) async fn kanal(capacity: usize, items: u64) {
    let (sender, receiver) = kanal::bounded(capacity);
    let producer = spawn_blocking(move || {
        for item in 0..items {
            sender.send(item).expect("open");
        }
    });
    let receiver = receiver.to_async();
    let mut seen = 0;
    while receiver.recv().await.is_ok() {
        seen += 1;
    }
    assert_eq!(seen, items);
    producer.await.expect("it does not panic");
}

pub(super) async fn flume(capacity: usize, items: u64) {
    let (sender, receiver) = flume::bounded(capacity);
    let producer = spawn_blocking(move || {
        for item in 0..items {
            sender.send(item).expect("open");
        }
    });
    let mut seen = 0;
    while receiver.recv_async().await.is_ok() {
        seen += 1;
    }
    assert_eq!(seen, items);
    producer.await.expect("it does not panic");
}

pub(super) async fn unblock(capacity: usize, items: u64) {
    let mut stream = Unblock::with_capacity(capacity, 0..items);
    let mut seen = 0;
    while stream.next().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, items);
}
