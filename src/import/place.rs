//! [`ImportPlace`]: where something was written.

use std::fmt;
use std::sync::Arc;

/// Where something was written: a file as the report calls it, and a position that counts from 1, columns in
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportPlace {
    /// The file, as the report calls it.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub(crate) column: usize,
}

impl ImportPlace {
    /// The beginning of `file`.
    pub(crate) fn start(file: &str) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }

    /// Moves on behind `letter`: to the next column, or after a line end to the next line.
    pub(crate) fn pass(&mut self, letter: char) {
        if letter == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }
}

/// `file:line`: what a list of directives shows.
impl fmt::Display for ImportPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
