//! A time driver for embassy on the CLINT: a counter of 64 bits that runs at 10 MHz, and one alarm.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;
use riscv::interrupt::Interrupt;
use riscv::register::{mie, mstatus};
use riscv_rt::core_interrupt;

const _: () = assert!(TICK_HZ == 10_000_000, "a tick is a step of the counter");

struct ClintDriver {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static DRIVER: ClintDriver = ClintDriver {
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for ClintDriver {
    fn now(&self) -> u64 {
        mtime()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                set_alarm(queue.next_expiration(mtime()));
            }
        });
    }
}

/// Lets the timer, and all else that is enabled, interrupt.
pub(crate) fn start() {
    set_alarm(u64::MAX);
    #[expect(unsafe_code, reason = "turns interrupts on, outside of any critical section")]
    unsafe {
        mie::set_mtimer();
        mstatus::set_mie();
    }
}

#[core_interrupt(Interrupt::MachineTimer)]
fn machine_timer() {
    critical_section::with(|cs| {
        let next = DRIVER.queue.borrow_ref_mut(cs).next_expiration(mtime());
        set_alarm(next);
    });
}

const MTIME: *const u32 = 0x0200_bff8 as *const u32;
const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;

fn mtime() -> u64 {
    // The halves cannot be read at once: again, should the lower one have carried in between.
    loop {
        #[expect(unsafe_code, reason = "the counter's two words, which the board has at this address")]
        let (high, low, again) =
            unsafe { (MTIME.add(1).read_volatile(), MTIME.read_volatile(), MTIME.add(1).read_volatile()) };
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Interrupts at `at`; at once if that has passed.
fn set_alarm(at: u64) {
    // By way of "never", so that no mixture of the old and the new half goes off.
    #[expect(unsafe_code, reason = "the alarm's two words, which the board has at this address")]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half, then the upper one")]
    unsafe {
        MTIMECMP.add(1).write_volatile(u32::MAX);
        MTIMECMP.write_volatile(at as u32);
        MTIMECMP.add(1).write_volatile((at >> 32) as u32);
    }
}
