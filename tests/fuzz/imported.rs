//! What every importer is asked: any text is a configuration of another proxy or is none, without a panic, and what comes
//! out of it is YAML.

use std::io;
use std::path::{Path, PathBuf};

use frontgate::config::{self, ConfigLocation, Overrides};
use frontgate::import::{ImportFormat, ImportReader, Original, import};

/// Every file has the same text, so that includes lead somewhere.
struct Same<'a>(&'a [u8]);

impl ImportReader for Same<'_> {
    fn read(&self, _path: &Path, _most: u64) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn matching(&self, _pattern: &str) -> Vec<PathBuf> {
        vec!["/etc/x/1".into(), "/etc/x/2".into()]
    }
}

/// Imports `bytes`, and reads what comes out.
pub fn check(format: ImportFormat, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let original = Original { name: "x".into(), folder: "/etc/x".into(), text };
    let Ok(imported) = import(format, &original, &Same(bytes)) else { return };
    let _ = imported.report.to_string();
    let source = ConfigLocation::Text { text: imported.yaml(), file: "/frontgate.yaml".into() };
    // It may ask for what frontgate refuses, but it can be read.
    if let Err(problems) = config::load(source, [], &Overrides::default()) {
        assert!(problems.iter().all(|problem| !problem.message.starts_with("not YAML")), "{problems}");
    }
}
