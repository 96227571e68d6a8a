//! [`ImportReport`]: what became of each directive.

use std::collections::HashMap;
use std::fmt::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::place::ImportPlace;

/// What became of each directive, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    notes: Vec<Note>,
    /// The indices in `notes` of the notes about one place.
    places: HashMap<ImportPlace, Vec<usize>>,
    next: Vec<String>,
}

/// What became of one directive. There may be several for one: kept, and wrong all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where the directive begins.
    pub place: ImportPlace,
    /// The directive, on one line, shortened.
    pub(crate) directive: String,
    /// Whether the directive was translated, was not needed, or needs attention.
    pub(crate) verdict: ImportVerdict,
    /// What it was kept as; why it is not needed; what to do; or what was wrong and what frontgate does instead.
    pub(crate) text: String,
}

/// What became of a directive, what needs attention most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportVerdict {
    /// Not translated; the note says what to do.
    Dropped,
    /// A mistake in the old configuration; the note says what frontgate does instead.
    Wrong,
    /// Translated.
    Kept,
    /// frontgate does this anyway, or needs it not.
    NotNeeded,
}

impl ImportVerdict {
    const ALL: [Self; 4] = [Self::Dropped, Self::Wrong, Self::Kept, Self::NotNeeded];

    /// The heading of the list of directives with this verdict.
    fn title(self) -> &'static str {
        match self {
            Self::Dropped => "Dropped: look at these",
            Self::Wrong => "Wrong in the old config",
            Self::Kept => "Kept",
            Self::NotNeeded => "Not needed",
        }
    }
}

impl ImportReport {
    /// Notes that the directive was translated, into `what`: a setting such as `listen.https`.
    pub(crate) fn kept(&mut self, place: &ImportPlace, directive: &str, what: impl Into<String>) {
        self.note(place, directive, ImportVerdict::Kept, what.into());
    }

    /// Notes that frontgate does not need the directive, because of `why`.
    pub(crate) fn not_needed(&mut self, place: &ImportPlace, directive: &str, why: impl Into<String>) {
        self.note(place, directive, ImportVerdict::NotNeeded, why.into());
    }

    /// Notes that the directive was not translated; `remedy` says what to do.
    pub(crate) fn dropped(&mut self, place: &ImportPlace, directive: &str, remedy: impl Into<String>) {
        self.note(place, directive, ImportVerdict::Dropped, remedy.into());
    }

    /// Notes that the directive was a mistake; `instead` says which, and what frontgate does instead.
    pub(crate) fn wrong(&mut self, place: &ImportPlace, directive: &str, instead: impl Into<String>) {
        self.note(place, directive, ImportVerdict::Wrong, instead.into());
    }

    /// Adds something to do outside the configuration, unless the report has it already.
    pub(crate) fn next(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.next.contains(&what) {
            self.next.push(what);
        }
    }

    /// Whether there is a note about the directive at `place`.
    pub(crate) fn mentions(&self, place: &ImportPlace) -> bool {
        self.places.contains_key(place)
    }

    /// All notes, in the order of the files.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The report as JSON, for scripts.
    pub(crate) fn json(&self) -> serde_json::Value {
        let note = |note: &Note| {
            let ImportPlace { file, line, column } = &note.place;
            json!({
                "file": **file, "line": line, "column": column,
                "directive": note.directive, "verdict": note.verdict, "text": note.text,
            })
        };
        json!({ "notes": self.sorted().into_iter().map(note).collect::<Vec<_>>(), "next": self.next, "anyway": ANYWAY })
    }

    /// Notes what became of the directive, under this verdict.
    pub(crate) fn say(
        &mut self,
        place: &ImportPlace,
        directive: &str,
        verdict: ImportVerdict,
        text: impl Into<String>,
    ) {
        self.note(place, directive, verdict, text.into());
    }

    fn note(&mut self, place: &ImportPlace, directive: &str, verdict: ImportVerdict, text: String) {
        let note = Note { place: place.clone(), directive: one_line(directive), verdict, text };
        let here = self.places.entry(note.place.clone()).or_default();
        if here.len() < MOST_NOTES && !here.iter().any(|&index| self.notes[index] == note) {
            here.push(self.notes.len());
            self.notes.push(note);
        }
    }

    /// The notes, those that need attention most first, then in the order of the files.
    fn sorted(&self) -> Vec<&Note> {
        let mut files: Vec<&str> = Vec::new();
        for note in &self.notes {
            if !files.contains(&&*note.place.file) {
                files.push(&note.place.file);
            }
        }
        let mut sorted: Vec<&Note> = self.notes.iter().collect();
        sorted.sort_by_key(|note| {
            let file = files.iter().position(|file| *file == &*note.place.file);
            (note.verdict, file, note.place.line, note.place.column)
        });
        sorted
    }
}

/// The report as text for people: grouped, what needs attention most first.
impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        for verdict in ImportVerdict::ALL {
            let group: Vec<_> = sorted.iter().filter(|note| note.verdict == verdict).collect();
            if group.is_empty() {
                continue;
            }
            writeln!(f, "{} ({})", verdict.title(), group.len())?;
            for note in group {
                let (place, directive) = (&note.place, &note.directive);
                match verdict {
                    ImportVerdict::Dropped | ImportVerdict::Wrong => {
                        writeln!(f, "  {place}: {directive}\n      {}", printable(&note.text))?;
                    }
                    ImportVerdict::Kept => writeln!(f, "  {place}: {directive} -> {}", printable(&note.text))?,
                    ImportVerdict::NotNeeded => writeln!(f, "  {place}: {directive}: {}", printable(&note.text))?,
                }
            }
            writeln!(f)?;
        }
        if !self.next.is_empty() {
            writeln!(f, "What else to do")?;
            for what in &self.next {
                writeln!(f, "  - {}", printable(what))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "In any case")?;
        for what in ANYWAY {
            writeln!(f, "  - {what}")?;
        }
        Ok(())
    }
}

/// What frontgate does whatever the old configuration said, and most proxies do not.
const ANYWAY: [&str; 5] = [
    "X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP are set anew; what a client sends of these, of Forwarded, of Via and of \
     any other X-Forwarded-* ends here",
    "a field that Connection names ends here; `TE: trailers` and fields with underscores go on",
    "paths go on byte for byte; for routes they are compared decoded and cleaned up",
    "an answer has the gateway's own Server, and an X-Request-Id that is in the log, too",
    "errors of frontgate's own, such as 403, 404 and 502, have its own page",
];

/// How many notes a directive may have; none needs as many.
const MOST_NOTES: usize = 16;

/// How many characters of a directive the report shows.
const LONGEST: usize = 100;

/// The text on one line, without what a terminal would take for a command, and cut if it is too long.
fn one_line(text: &str) -> String {
    let text = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if text.chars().count() <= LONGEST {
        return text;
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            let _ = write!(clean, "{}", letter.escape_debug());
        } else {
            clean.push(letter);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, line: usize) -> ImportPlace {
        ImportPlace { file: file.into(), line, column: 5 }
    }

    #[test]
    fn what_needs_attention_comes_first() {
        let mut report = ImportReport::default();
        report.kept(&at("b", 9), "listen 443", "listen.https");
        report.dropped(&at("a", 7), "root /srv", "serve files elsewhere");
        report.dropped(&at("b", 2), "deny\n\n  all", "use a firewall");
        report.wrong(&at("a", 3), "x", "y");
        report.not_needed(&at("a", 1), "gzip on", "no");
        report.next("do this");
        report.next("do this");
        let expected = "\
Dropped: look at these (2)
  b:2: deny all
      use a firewall
  a:7: root /srv
      serve files elsewhere

Wrong in the old config (1)
  a:3: x
      y

Kept (1)
  b:9: listen 443 -> listen.https

Not needed (1)
  a:1: gzip on: no

What else to do
  - do this

";
        assert!(report.to_string().starts_with(expected), "{report}");
        assert!(report.mentions(&at("a", 7)) && !report.mentions(&at("a", 8)));
        assert_eq!(report.json()["notes"][0]["verdict"], "dropped");
    }

    #[test]
    fn a_directive_cannot_write_to_the_terminal() {
        assert_eq!(one_line("a \u{1b}[31m\tb"), "a \\u{1b}[31m b");
        assert_eq!(one_line(&"ä".repeat(200)).chars().count(), LONGEST);
    }
}
