//! The maps' scenarios on a Cortex-M0: they have no lock and ask for no platform.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Embassy: maps);
