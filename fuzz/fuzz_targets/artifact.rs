//! Whatever a file holds, reading its records is an answer or one error: no panic, no endless loop, no memory without bound.

#![no_main]

use flags_runtime::registry::introspect::read_records;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match read_records(bytes) {
        Ok(records) => assert!(records.iter().all(|record| !record.json.is_empty())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
