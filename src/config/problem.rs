//! [`Problem`]: one thing that is wrong with the configuration, where it is, and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SettingPosition {
    /// The file as a whole.
    Whole,
    /// A position in the file; both count from 1, columns in characters.
    File {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(&'static str),
}

/// Whether a problem keeps the configuration from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ProblemSeverity {
    /// The configuration cannot be used.
    #[default]
    Error,
    /// The configuration can be used, but is probably not what the operator meant.
    Warning,
}

/// One mistake, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the rest can be used.
    pub(crate) severity: ProblemSeverity,
    /// Where it was written.
    pub(crate) place: SettingPosition,
    /// The setting, as `websocket.ping_interval` or `listen.https[1]`; empty for the file itself.
    pub(crate) path: String,
    /// What is wrong, in words.
    pub message: String,
    /// What to write instead, if that is known.
    pub(crate) hint: Option<String>,
}

/// A mistake in one value, before the value's position is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueError {
    severity: ProblemSeverity,
    /// What is wrong, in words.
    pub(super) message: String,
    /// What to write instead, if that is known.
    pub(super) hint: Option<String>,
}

/// Every problem, in the order of the file, then the environment, then the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: Option<PathBuf>,
    list: Vec<Problem>,
}

impl Problems {
    /// The problems found in `file`, the environment and the flags.
    pub(super) fn new(file: Option<PathBuf>, mut list: Vec<Problem>) -> Self {
        list.sort_by(|a, b| a.place.cmp(&b.place));
        Self { file, list }
    }

    /// These problems and `more`.
    #[must_use]
    pub(super) fn and(self, more: Vec<Problem>) -> Self {
        Self::new(self.file, [self.list, more].concat())
    }

    /// The text before the problem's message: its position, severity and path.
    fn prefix(&self, problem: &Problem) -> String {
        let place = self.place(problem);
        if place.is_empty() { place } else { place + ": " }
    }

    /// The position of one problem: `file:line:column`, a variable, a flag.
    pub(crate) fn place(&self, problem: &Problem) -> String {
        match (&problem.place, &self.file) {
            (SettingPosition::Whole, Some(file)) => file.display().to_string(),
            (SettingPosition::Whole, None) => String::new(),
            (SettingPosition::File { line, column }, Some(file)) => format!("{}:{line}:{column}", file.display()),
            (SettingPosition::File { line, column }, None) => format!("{line}:{column}"),
            (SettingPosition::Variable(name), _) => name.clone(),
            (SettingPosition::Flag(name), _) => (*name).to_owned(),
        }
    }

    /// Whether the list is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Iterates over the problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Problem {
    /// The problem `fault` of the setting `path`, which was written at `place`.
    pub(super) fn new(place: &SettingPosition, path: impl Into<String>, fault: ValueError) -> Self {
        Self {
            severity: fault.severity,
            place: place.clone(),
            path: path.into(),
            message: fault.message,
            hint: fault.hint,
        }
    }
}

impl ValueError {
    /// What is wrong and what to write instead, where there is no position.
    pub(super) fn in_words(self) -> String {
        match self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message,
        }
    }

    /// A fault with a message and without a hint.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { severity: ProblemSeverity::Error, message: message.into(), hint: None }
    }

    /// The same fault as a warning: the value can be used.
    pub(super) fn warning(self) -> Self {
        Self { severity: ProblemSeverity::Warning, ..self }
    }

    /// The same fault, with what to write instead.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Prints `file:line:column: path: message`, with `warning: ` before the path of a warning, and the hint on a line of
/// its own.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.prefix(problem))?;
            if problem.severity == ProblemSeverity::Warning {
                f.write_str("warning: ")?;
            }
            if !problem.path.is_empty() {
                write!(f, "{}: ", problem.path.escape_debug())?;
            }
            f.write_str(&problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
