//! Any text as the configuration: no panic, and problems that can be shown.
#![no_main]

use frontgate::config::{self, ConfigLocation, Overrides};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = || ConfigLocation::Text { text: text.to_owned(), file: "/frontgate.yaml".into() };
    match config::load(source(), [], &Overrides::default()) {
        Ok(loaded) => assert_eq!(config::load(source(), [], &Overrides::default()), Ok(loaded)),
        Err(problems) => {
            assert!(problems.iter().next().is_some(), "refused without a word");
            let _ = problems.to_string();
        }
    }
});
