//! Schedulers on a Cortex-M0: as much room as the scenarios need, and the stack allows.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Inline<8>, Embassy: schedulers, EmbassyLocal: schedulers);
