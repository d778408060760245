//! One thread: a message in, a message out.

use core::hint::black_box;

use super::{CAPACITY, barred};
use crate::harness::{Contenders, Group, Row, leak, repeat};

pub(super) fn group() -> Group {
    Group {
        name: "queue/one thread",
        about: "a message put in and taken out, one thread, nobody waits",
        rows: vec![barred(Row::new("try pair", try_pair).countable(true))],
    }
}

fn try_pair(row: &mut Contenders) {
    let queue = leak(tidegate_tokio::Queue::new(CAPACITY));
    row.add(
        "tidegate",
        repeat(move || {
            black_box(&queue).try_put(black_box(1_u64)).expect("room");
            black_box(queue.try_get()).expect("one");
        }),
    );
    let (kanal_in, kanal_out) = kanal::bounded(CAPACITY);
    row.add(
        "kanal",
        repeat(move || {
            black_box(&kanal_in).try_send(black_box(1_u64)).expect("open");
            black_box(kanal_out.try_recv()).expect("open");
        }),
    );
    let (crossfire_in, crossfire_out) = crossfire::mpmc::bounded_async(CAPACITY);
    row.add(
        "crossfire",
        repeat(move || {
            black_box(&crossfire_in).try_send(black_box(1_u64)).expect("room");
            black_box(crossfire_out.try_recv()).expect("one");
        }),
    );
    let (crossbeam_in, crossbeam_out) = crossbeam_channel::bounded(CAPACITY);
    row.add(
        "crossbeam-channel",
        repeat(move || {
            black_box(&crossbeam_in).try_send(black_box(1_u64)).expect("room");
            black_box(crossbeam_out.try_recv()).expect("one");
        }),
    );
    let (flume_in, flume_out) = flume::bounded(CAPACITY);
    row.add(
        "flume",
        repeat(move || {
            black_box(&flume_in).try_send(black_box(1_u64)).expect("room");
            black_box(flume_out.try_recv()).expect("one");
        }),
    );
    let (async_in, async_out) = async_channel::bounded(CAPACITY);
    row.add(
        "async-channel",
        repeat(move || {
            black_box(&async_in).try_send(black_box(1_u64)).expect("room");
            black_box(async_out.try_recv()).expect("one");
        }),
    );
    let (tokio_in, mut tokio_out) = tokio::sync::mpsc::channel(CAPACITY);
    row.add(
        "tokio mpsc",
        repeat(move || {
            black_box(&tokio_in).try_send(black_box(1_u64)).expect("room");
            black_box(tokio_out.try_recv()).expect("one");
        }),
    );
    let (thingbuf_in, thingbuf_out) = thingbuf::mpsc::channel(CAPACITY);
    row.add(
        "thingbuf",
        repeat(move || {
            black_box(&thingbuf_in).try_send(black_box(1_u64)).expect("room");
            black_box(thingbuf_out.try_recv()).expect("one");
        }),
    );
}
