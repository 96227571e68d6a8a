//! Any text as a configuration of nginx.
//!
//! Begin with what people write: `cargo +nightly fuzz run --fuzz-dir tests/fuzz import_nginx CORPUS tests/import`, where
//! CORPUS is a folder for what is found.
#![no_main]

use frontgate::import::ImportFormat;
use libfuzzer_sys::fuzz_target;

#[path = "../imported.rs"]
mod imported;

fuzz_target!(|bytes: &[u8]| imported::check(ImportFormat::Nginx, bytes));
