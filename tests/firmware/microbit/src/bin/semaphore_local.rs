//! The semaphore's scenarios on a Cortex-M0, without a lock.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, EmbassyLocal: semaphore);
