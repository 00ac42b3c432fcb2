#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| ticket_exporter_fuzz::targets::mapping(input));
