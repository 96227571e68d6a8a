//! [`Asker`]: questions on standard error, with answers from the terminal or a pipe.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;

use super::failure::CommandFailure;

/// Asks at the terminal, or reads answers from a pipe.
pub(super) struct Asker {
    is_person: bool,
}

impl Asker {
    pub(super) fn new() -> Self {
        Self { is_person: io::stdin().is_terminal() }
    }

    /// The answer to the question, once `read` accepts it; nothing typed is the `usual` one. A person is asked again.
    pub(super) fn answer<T>(
        &self,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, CommandFailure> {
        loop {
            say(&format!("{question} [{usual}] "));
            let line = self.line()?;
            let text = line.as_deref().map(str::trim).filter(|line| !line.is_empty()).unwrap_or(usual);
            match read(text) {
                Ok(answer) => return Ok(answer),
                Err(why) if self.is_person && line.is_some() => say(&format!("{why}\n")),
                Err(why) => return Err(CommandFailure::wrong(why)),
            }
        }
    }

    /// Whether the answer is yes; no answer is no.
    pub(super) fn agrees(&self, question: &str) -> Result<bool, CommandFailure> {
        say(&format!("{question} [y/N] "));
        let line = self.line()?.unwrap_or_default();
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// The next line; `None` behind the last.
    fn line(&self) -> Result<Option<String>, CommandFailure> {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
        if !self.is_person {
            // The question stands on a line of its own where no person has typed one.
            say("\n");
        }
        Ok((read > 0).then_some(line))
    }
}

/// Asks and tells on standard error: if that cannot be written, no output is left to report it on.
pub(super) fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
