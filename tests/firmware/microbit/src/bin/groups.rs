//! Task groups on a Cortex-M0.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Embassy: groups, EmbassyLocal: groups);
