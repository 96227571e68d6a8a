//! The names of all keys, the environment variables that set them, and the nearest name to a wrong one.

use super::keys::{KeySection, KeySlot, Keys};
use super::kinds::Quoted;
use super::node::join;
use super::problem::ValueError;

/// The prefix of every environment variable of frontgate.
pub(super) const PREFIX: &str = "FRONTGATE_";

/// The paths of all keys.
#[derive(Debug, Default)]
pub(super) struct KeyNames {
    outer: String,
    /// The paths of sections and of keys that work.
    pub(super) working: Vec<String>,
    /// Parts of keys that may be mappings: `tls.certificate.cert`.
    parts: Vec<String>,
    /// Keys that hold keys.
    pub(super) sections: Vec<String>,
}

impl KeyNames {
    /// The names of the keys of `section`.
    pub(super) fn of(section: &mut dyn KeySection) -> Self {
        Self::within(String::new(), section)
    }

    /// The names of the keys of `section`, which lies at `outer`.
    pub(super) fn within(outer: String, section: &mut dyn KeySection) -> Self {
        let mut names = Self { outer, ..Self::default() };
        section.keys(&mut names);
        names
    }

    /// Whether a key with this path exists.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.working.iter().any(|known| known == path)
    }

    /// Every path that a variable can set, and the variable.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let all = self.working.iter().chain(&self.parts);
        all.filter(|path| !self.sections.contains(path)).map(|path| (variable(path), path.clone())).collect()
    }
}

/// `websocket.ping_interval` as `FRONTGATE_WEBSOCKET_PING_INTERVAL`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The fault of `key`, which is not one of `known`, in the section `outer`.
pub(super) fn unknown_key(outer: &str, key: &str, known: &[String]) -> ValueError {
    let fault = ValueError::new(format!("unknown key {}", Quoted(key)));
    if let Some((section, leaf)) = key.rsplit_once('.').filter(|_| known.contains(&join(outer, key))) {
        return fault.hint(format!("write `{leaf}` inside of `{section}`"));
    }
    let siblings = || known.iter().filter_map(|path| leaf(path, outer));
    if let Some(near) = nearest(key, siblings()) {
        return fault.hint(format!("did you mean `{near}`?"));
    }
    // The key may be right and the section wrong.
    let elsewhere = known.iter().find(|path| path.rsplit('.').next() == Some(key));
    if let Some(path) = elsewhere {
        return fault.hint(format!("did you mean `{path}`?"));
    }
    let all: Vec<&str> = siblings().collect();
    fault.hint(format!("known here: {}", all.join(", ")))
}

/// The candidate that a typing mistake most likely stands for.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters wrong is a mistake, and so is a word cut short or drawn out; more is another word.
    let close = (word.chars().count() / 3).max(1);
    let begins = |candidate: &str| word.len() > 2 && (candidate.starts_with(word) || word.starts_with(candidate));
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= close || begins(candidate))
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

impl Keys for KeyNames {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn KeySlot) {
        let path = join(&self.outer, name);
        self.parts.extend(slot.parts().iter().map(|part| join(&path, part)));
        if slot.items().is_some() {
            self.sections.push(path.clone());
        }
        self.working.push(path);
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn KeySection) {
        let path = join(&self.outer, name);
        self.working.push(path.clone());
        self.sections.push(path.clone());
        let outer = std::mem::replace(&mut self.outer, path);
        section.keys(self);
        self.outer = outer;
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
