//! Every scenario on a Cortex-M4: the fast path is native there.
#![no_std]
#![no_main]

firmware_common::conformance!(mps2_an386, Embassy: every, EmbassyLocal: every);
