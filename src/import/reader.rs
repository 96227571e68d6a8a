//! [`ImportReader`]: how files are read; [`Files`]: how many, and how much.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ImportError;

/// Reads files: the only way from here to the rest of the machine.
pub trait ImportReader {
    /// The contents of a file, of which no more than `most` bytes are wanted.
    ///
    /// # Errors
    /// The file cannot be read.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;

    /// The files that a pattern with `*`, `?` and `[…]` names, in alphabetical order.
    fn matching(&self, pattern: &str) -> Vec<PathBuf>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl ImportReader for Disk {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        // Not a pipe or a device, from which there may be no end of bytes to wait for.
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        glob::glob(pattern).into_iter().flatten().take(MOST_FILES + 1).filter_map(Result::ok).collect()
    }
}

/// The files that belong to one configuration, with a limit on how many there are, and how large they are together.
pub(crate) struct Files<'a> {
    reader: &'a dyn ImportReader,
    number: usize,
    bytes: usize,
}

/// How many files a configuration may have; none that people write has as many.
const MOST_FILES: usize = 256;

/// How many bytes the files may have together; a configuration that people write has fewer.
const MOST_BYTES: usize = 4 << 20;

/// Why the text of a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// The system cannot open or read the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file would exceed a limit of [`Files`].
    #[error(transparent)]
    Limit(#[from] ImportError),
}

impl<'a> Files<'a> {
    /// The limits before any file has been read.
    pub(crate) fn new(reader: &'a dyn ImportReader) -> Self {
        Self { reader, number: 0, bytes: 0 }
    }

    /// Takes a file of this size into account.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(crate) fn count(&mut self, file: &str, bytes: usize) -> Result<(), ImportError> {
        (self.number, self.bytes) = (self.number + 1, self.bytes.saturating_add(bytes));
        let limit = if self.number > MOST_FILES {
            format!("more than {MOST_FILES} files")
        } else if self.bytes > MOST_BYTES {
            format!("more than {} MiB in all", MOST_BYTES >> 20)
        } else {
            return Ok(());
        };
        Err(ImportError::TooMuch { file: file.to_owned(), limit })
    }

    /// The text of a file. What is not UTF-8 in it is replaced: comments may be in any encoding.
    ///
    /// # Errors
    /// The file cannot be read, or it exceeds a limit.
    pub(crate) fn text(&mut self, path: &Path) -> Result<String, Unread> {
        let most = MOST_BYTES - self.bytes.min(MOST_BYTES) + 1;
        let bytes = self.reader.read(path, most as u64)?;
        self.count(&path.display().to_string(), bytes.len())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The files that a pattern names, in alphabetical order. A path without `*`, `?` or `[` is itself, whether there
    /// is such a file or not.
    pub(crate) fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        if pattern.contains(['*', '?', '[']) { self.reader.matching(pattern) } else { vec![PathBuf::from(pattern)] }
    }

    /// The files that a pattern names, with their texts, in alphabetical order; without those that cannot be read.
    ///
    /// # Errors
    /// The files exceed a limit together.
    pub(crate) fn texts(&mut self, pattern: &str) -> Result<Vec<(PathBuf, String)>, ImportError> {
        let mut texts = Vec::new();
        for path in self.matching(pattern) {
            match self.text(&path) {
                Ok(text) => texts.push((path, text)),
                Err(Unread::Io(_)) => {}
                Err(Unread::Limit(error)) => return Err(error),
            }
        }
        Ok(texts)
    }
}

/// Files that exist only in a test.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(pub(crate) std::collections::BTreeMap<PathBuf, String>);

#[cfg(test)]
impl Memory {
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.to_owned())).collect())
    }
}

#[cfg(test)]
impl ImportReader for Memory {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.bytes().take(usize::try_from(most).unwrap_or(usize::MAX)).collect())
    }

    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let pattern = glob::Pattern::new(pattern).expect("a pattern");
        let literal = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        self.0.keys().filter(|path| pattern.matches_path_with(path, literal)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_files_and_too_many_bytes_are_refused() {
        let memory = Memory::of([("/a", "x")]);
        let mut files = Files::new(&memory);
        assert!((0..MOST_FILES).all(|_| files.text(Path::new("/a")).is_ok()));
        assert!(matches!(files.text(Path::new("/a")), Err(Unread::Limit(_))));
        let long = "x".repeat(MOST_BYTES);
        let memory = Memory::of([("/a", "x"), ("/b", &long)]);
        let mut files = Files::new(&memory);
        assert!(files.text(Path::new("/b")).is_ok());
        assert!(matches!(files.text(Path::new("/a")), Err(Unread::Limit(_))));
    }

    #[test]
    fn only_patterns_are_searched_for() {
        let memory = Memory::of([("/c/b.conf", ""), ("/c/a.conf", ""), ("/c/d/e.conf", ""), ("/c/x", "")]);
        let files = Files::new(&memory);
        assert_eq!(files.matching("/c/*.conf"), [PathBuf::from("/c/a.conf"), "/c/b.conf".into()]);
        assert_eq!(files.matching("/nothing"), [PathBuf::from("/nothing")]);
        assert!(files.matching("/none*").is_empty());
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        assert!(Disk.read(Path::new("/dev/zero"), 10).is_err());
    }
}
