//! Example: an interrupt handler puts samples into a queue, and an embassy task takes them out.
//!
//! ```text
//! cargo xtask firmware samples
//! ```
//!
//! The handler never waits: where there is no room, the oldest sample goes. The task is woken by the handler, takes
//! what is there as one batch, and reports each sample as done.
#![no_std]
#![no_main]

use cortex_m::peripheral::SCB;
use cortex_m_rt::exception;
use embassy_executor::Spawner;
use embassy_time::Timer;
use firmware_common::println;
use tidegate_embassy::{GetError, Queue};

/// Room for four samples; one task waits for them, and one for the end of all work.
static SAMPLES: Queue<u32, 4, 1> = Queue::new(4);
/// What the handler had to throw away.
static LOST: Queue<u32, 8, 1> = Queue::new(8);
/// What the converter measures next.
static NEXT: Queue<u32, 1, 1> = Queue::new(1);

/// Whether the task has come to its end.
static ENDED: Queue<(), 1, 1> = Queue::new(1);

/// The converter's interrupt: a sample is there.
#[exception]
fn PendSV() {
    let sample = NEXT.try_get().unwrap_or(0);
    let _ = NEXT.try_put(sample + 1);
    if let Ok(Some(oldest)) = SAMPLES.force_put(sample) {
        let _ = LOST.try_put(oldest);
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    microbit::start();
    match filter() {
        Ok(task) => spawner.spawn(task),
        Err(_) => firmware_common::finish(false),
    }
    // One at a time: the task has it before the next one comes.
    for _ in 0..3 {
        SCB::set_pendsv();
        Timer::after_millis(1).await;
    }
    // Six while the task cannot run: two more than there is room for.
    for _ in 0..6 {
        SCB::set_pendsv();
        cortex_m::asm::isb();
    }
    let all = SAMPLES.join().await;
    println!("all done, {} left", SAMPLES.len());
    while let Ok(sample) = LOST.try_get() {
        println!("lost: {sample}");
    }
    SAMPLES.close();
    let ended = ENDED.get().await;
    firmware_common::finish(all.is_ok() && ended.is_ok());
}

#[embassy_executor::task]
async fn filter() {
    let mut batch = heapless::Vec::<u32, 4>::new();
    loop {
        match SAMPLES.get_many(&mut batch, usize::MAX).await {
            Ok(_) => {}
            Err(GetError::Closed) => break,
            Err(_) => firmware_common::finish(false),
        }
        println!("samples: {:?}", batch.as_slice());
        for _ in batch.drain(..) {
            if SAMPLES.task_done().is_err() {
                firmware_common::finish(false);
            }
        }
    }
    println!("filter: the queue is closed");
    let _ = ENDED.try_put(());
}
