//! Queues on a Cortex-M0: a queue with three lines of 18 waiters would be a quarter of its RAM.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Inline<5>, Embassy: queues, EmbassyLocal: queues);
