//! The names of all keys, the environment variables that set them, and the nearest name to a wrong one.

use super::keys::{Keys, Section, Slot};
use super::node::join;
use super::problem::Fault;

/// What every environment variable of frontgate begins with.
pub(super) const PREFIX: &str = "FRONTGATE_";

/// The paths of all keys, sections and keys that are not available yet included.
pub(super) fn paths(section: &mut dyn Section) -> Vec<String> {
    let mut found = Paths { outer: String::new(), list: Vec::new(), settable: Vec::new() };
    section.keys(&mut found);
    found.list
}

/// The paths of all keys that hold a value.
pub(super) fn settable(section: &mut dyn Section) -> Vec<String> {
    let mut found = Paths { outer: String::new(), list: Vec::new(), settable: Vec::new() };
    section.keys(&mut found);
    found.settable
}

/// `websocket.ping_interval` as `FRONTGATE_WEBSOCKET_PING_INTERVAL`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// What to say of `key`, which is not one of `known`, in the section `outer`.
pub(super) fn unknown_key(outer: &str, key: &str, known: &[String]) -> Fault {
    let fault = Fault::new(format!("unknown key `{}`", key.escape_debug()));
    let siblings = || known.iter().filter_map(|path| leaf(path, outer));
    if let Some(near) = nearest(key, siblings()) {
        return fault.hint(format!("did you mean `{near}`?"));
    }
    // The right key in the wrong section.
    let elsewhere = known.iter().find(|path| path.rsplit('.').next() == Some(key));
    if let Some(path) = elsewhere {
        return fault.hint(format!("did you mean `{path}`?"));
    }
    let all: Vec<&str> = siblings().collect();
    fault.hint(format!("known here: {}", all.join(", ")))
}

/// The candidate that a typing mistake most likely stands for.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters wrong is a mistake; more is another word.
    let close = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= close)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The last part of `path` when it lies directly in `outer`.
fn leaf<'a>(path: &'a str, outer: &str) -> Option<&'a str> {
    let rest = if outer.is_empty() { path } else { path.strip_prefix(outer)?.strip_prefix('.')? };
    (!rest.contains('.')).then_some(rest)
}

/// How many letters must be added, dropped or replaced to make `a` into `b` (Levenshtein). Words are cut at 64 letters,
/// so that a long one costs nothing.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

struct Paths {
    outer: String,
    list: Vec<String>,
    settable: Vec<String>,
}

impl Keys for Paths {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn Slot) {
        let path = join(&self.outer, name);
        let parts = slot.parts().iter().map(|part| join(&path, part));
        self.settable.extend(std::iter::once(path.clone()).chain(parts));
        self.list.push(path);
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn Section) {
        let path = join(&self.outer, name);
        self.list.push(path.clone());
        let outer = std::mem::replace(&mut self.outer, path);
        section.keys(self);
        self.outer = outer;
    }

    fn not_yet(&mut self, name: &'static str, _idle: Option<&'static str>) {
        let path = join(&self.outer, name);
        self.settable.push(path.clone());
        self.list.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_letter_edits() {
        let cases = [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ab", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
