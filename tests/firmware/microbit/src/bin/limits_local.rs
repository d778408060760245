//! Limiters, lockouts and the gate on a Cortex-M0, without a lock.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, EmbassyLocal: lockouts limits gates);
