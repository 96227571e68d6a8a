//! [`entries`]: every key, described.

#[cfg(test)]
use std::fmt::Write;

use super::Config;
use super::keys::{KeySection, KeySlot, Keys};
use super::names;
use super::node::join;

/// One key of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferenceEntry {
    /// The key, as `websocket.ping_interval`.
    pub(crate) path: String,
    /// The kind of its value.
    pub(crate) kind: String,
    /// The default value, as YAML.
    pub(crate) default: String,
    /// The environment variables that set it; none for a key of items of a list or mapping.
    pub(crate) variables: Vec<String>,
    /// The sentence that says what the key is for.
    pub(crate) doc: &'static str,
}

/// Every key, in the order of the reference.
pub(crate) fn entries() -> Vec<ReferenceEntry> {
    let mut walk = ReferenceWalk { outer: String::new(), many: false, list: Vec::new() };
    Config::default().keys(&mut walk);
    walk.list
}

/// The reference of the configuration file, in Markdown.
#[cfg(test)]
pub(crate) fn reference() -> String {
    let mut text = format!("{HEAD}\n{INTRODUCTION}");
    for entry in entries() {
        let ReferenceEntry { path, kind, default, variables, doc } = entry;
        let _ = write!(text, "\n### `{path}`\n{doc}\n\n- holds: {kind}\n- default: `{default}`\n");
        if !variables.is_empty() {
            let variables: Vec<String> = variables.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "- environment: {}", variables.join(", "));
        }
    }
    text
}

#[cfg(test)]
const HEAD: &str = "\
# Configuration

Made from the sources by `cargo test --lib config::reference -- --ignored`; do not edit.
";

/// The rules that hold for every key; paragraphs, with names in backquotes.
pub(crate) const INTRODUCTION: &str = "\
Every key is optional. `frontgate check` lists everything that is wrong with a file, `frontgate check --print` shows what
frontgate would run on, and `frontgate schema` prints a JSON Schema for editors.

Durations have one of the units ms, s, m, h, d: `250ms`, `20s`, `24h`. Sizes have one of B, KiB, MiB, GiB: `64KiB`. `off`
turns a limit off. `null`, or nothing behind the colon, is the same as not giving the key.

An environment variable overrides the file, a flag overrides both. In a variable the items of a list are separated by
commas, and `[]` is the empty list; a variable with an empty value counts as not set.

Relative paths begin at the folder of the file; those in variables at the working folder.
";

struct ReferenceWalk {
    outer: String,
    /// Whether the walk is inside a list or mapping of sections.
    many: bool,
    list: Vec<ReferenceEntry>,
}

impl Keys for ReferenceWalk {
    fn slot(&mut self, name: &'static str, doc: &'static str, slot: &mut dyn KeySlot) {
        let (path, items) = (join(&self.outer, name), slot.items());
        let parts = slot.parts().iter().map(|part| names::variable(&join(&path, part)));
        let variables = std::iter::once(names::variable(&path)).chain(parts);
        let variables = if self.many || items.is_some() { Vec::new() } else { variables.collect() };
        let (kind, default) = (slot.kind(), slot.write().to_string());
        self.list.push(ReferenceEntry { path: path.clone(), kind, default, variables, doc });
        let long = slot.long_form().map(|section| ("", section));
        if let Some((step, mut section)) = items.or(long) {
            let before = (std::mem::replace(&mut self.outer, path + step), std::mem::replace(&mut self.many, true));
            section.keys(self);
            (self.outer, self.many) = before;
        }
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn KeySection) {
        let outer = join(&self.outer, name);
        let outer = std::mem::replace(&mut self.outer, outer);
        section.keys(self);
        self.outer = outer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/REFERENCE.md");

    #[test]
    fn the_committed_reference_is_what_the_keys_say() {
        let committed = std::fs::read_to_string(FILE).unwrap();
        assert!(committed == reference(), "run `cargo test --lib config::reference -- --ignored`");
    }

    #[test]
    #[ignore = "writes config/REFERENCE.md"]
    fn write_the_reference() {
        std::fs::write(FILE, reference()).unwrap();
    }
}
