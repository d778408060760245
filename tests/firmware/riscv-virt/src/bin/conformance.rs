//! Every scenario on RISC-V: the fast path is native there.
#![no_std]
#![no_main]

firmware_common::conformance!(riscv_virt, Embassy: every, EmbassyLocal: every);
