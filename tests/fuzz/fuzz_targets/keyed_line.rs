#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_lockstep::keyed_line::run(data));
