//! [`Paint`]: colours of text for a terminal.

use std::borrow::Cow;
use std::env;
use std::io::IsTerminal;

/// Colours text, or leaves it as it is where the reader is no terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// For what is written to `stream`: in colours on a terminal that has them, unless `NO_COLOR` says otherwise
    /// (no-color.org).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { is_on: stream.is_terminal() && !set("NO_COLOR") && !is_dumb }
    }

    /// Without colours.
    #[cfg(test)]
    pub(crate) const fn off() -> Self {
        Self { is_on: false }
    }

    /// With colours.
    #[cfg(test)]
    pub(crate) const fn on() -> Self {
        Self { is_on: true }
    }

    /// Whether there are colours.
    pub(crate) fn is_on(self) -> bool {
        self.is_on
    }

    /// `text` in that colour.
    pub(crate) fn text(self, colour: Colour, text: &str) -> Cow<'_, str> {
        if self.is_on && !text.is_empty() {
            Cow::Owned(format!("\x1b[{}m{text}\x1b[0m", colour.code()))
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// It is as it should be.
    Good,
    /// It is worth a look.
    Warn,
    /// It is broken.
    Bad,
    /// It says what to do or where to go.
    Hint,
    /// It stands out.
    Strong,
    /// It stands back.
    Faint,
}

impl Colour {
    /// The parameters of "select graphic rendition" (ECMA-48 §8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "1;31",
            Self::Hint => "36",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_coloured_on_terminals_alone() {
        assert_eq!(Paint::on().text(Colour::Good, "ok"), "\x1b[32mok\x1b[0m");
        assert_eq!(Paint::off().text(Colour::Bad, "ok"), "ok");
        assert_eq!(Paint::on().text(Colour::Bad, ""), "");
    }
}
