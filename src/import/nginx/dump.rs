//! [`Dump`]: what `nginx -T` prints: all files of a configuration, one after the other.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::import::Original;
use crate::import::reader::ImportReader;

/// The files in a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dump(BTreeMap<PathBuf, String>);

/// What the line above each file begins with.
const MARK: &str = "# configuration file ";

impl Dump {
    /// The main file and the rest, if `text` is a dump.
    pub(super) fn open(text: &str) -> Option<(Original, Self)> {
        let mut main = None;
        let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut current: Option<PathBuf> = None;
        for line in text.split_inclusive('\n') {
            let name = line.strip_prefix(MARK).and_then(|rest| rest.trim_end().strip_suffix(':'));
            if let Some(name) = name.filter(|name| name.starts_with('/')) {
                main.get_or_insert_with(|| PathBuf::from(name));
                current = Some(name.into());
                files.entry(name.into()).or_default();
            } else if let Some(file) = &current {
                files.entry(file.clone()).or_default().push_str(line);
            }
        }
        let main = main?;
        let text = files.get(&main).cloned().unwrap_or_default();
        let folder = main.parent().unwrap_or(Path::new("/")).to_owned();
        let name = main.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Some((Original { name, folder, text }, Self(files)))
    }
}

impl ImportReader for Dump {
    fn read(&self, path: &Path, _most: u64) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let literal = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        let Ok(pattern) = glob::Pattern::new(pattern) else { return Vec::new() };
        self.0.keys().filter(|path| pattern.matches_path_with(path, literal)).cloned().collect()
    }
}
