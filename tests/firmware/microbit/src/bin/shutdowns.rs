//! Shutdown and hand-over on a Cortex-M0.
#![no_std]
#![no_main]

firmware_common::conformance!(microbit, Embassy: shutdowns handovers, EmbassyLocal: shutdowns handovers);
