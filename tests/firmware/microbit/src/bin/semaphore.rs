//! The semaphore's scenarios on a Cortex-M0: no compare-and-swap, every path through the lock.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Embassy: semaphore);
