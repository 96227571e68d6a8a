//! Reads a document into a [`KeySection`]: every key that can be read is read, and every fault is reported.

use super::keys::{KeyKind, KeySection, KeySlot, Keys, SectionChecks};
use super::names::{self, KeyNames};
use super::node::{ConfigEntry, ConfigNode, ConfigValue, join};
use super::problem::{Problem, ValueError};
use super::setting::{BaseFolders, SettingReader};

/// Reads all of `root` into `section`.
pub(super) fn read(
    section: &mut dyn KeySection,
    root: &ConfigNode,
    folders: &BaseFolders,
    problems: &mut Vec<Problem>,
) {
    SettingReader { path: String::new(), root, folders, problems }.section(section, root);
}

impl SettingReader<'_> {
    /// Reads the keys in `node`. `false` if one of them has a fault.
    pub(super) fn section(&mut self, section: &mut dyn KeySection, node: &ConfigNode) -> bool {
        let before = self.problems.len();
        let known = KeyNames::within(self.path.clone(), section);
        SectionReader { entries: &[], known: &known, at: self.inner(self.path.clone()) }.group(section, node);
        self.problems.len() == before
    }

    /// The value of a kind with a short form, of one word; the long form, a mapping, is read elsewhere.
    pub(super) fn word<K: KeyKind>(&mut self, node: &ConfigNode, kind: &K) -> Option<K::Value> {
        let read = match &node.value {
            ConfigValue::Scalar(text) => kind.parse(text),
            ConfigValue::Null => Err(ValueError::new(format!("nothing here; expected {}", kind.name()))),
            _ => Err(ValueError::new(format!("expected {}", kind.name()))),
        };
        read.map_err(|fault| self.report(&node.place, fault)).ok()
    }
}

struct SectionReader<'a> {
    entries: &'a [ConfigEntry],
    known: &'a KeyNames,
    at: SettingReader<'a>,
}

impl SectionReader<'_> {
    /// Reads one group of keys from `node`.
    fn group(&mut self, section: &mut dyn KeySection, node: &ConfigNode) {
        let entries: &[ConfigEntry] = match &node.value {
            ConfigValue::Map(entries) => entries,
            ConfigValue::Null => &[],
            ConfigValue::Scalar(_) | ConfigValue::List(_) => {
                let fault = ValueError::new("expected keys, as in `key: value`");
                self.at.report(&node.place, fault);
                return;
            }
        };
        let path = self.at.path.clone();
        for entry in entries {
            // A key `tls.names` is not the key `names` in `tls`.
            if entry.key.contains('.') || !self.known.contains(&join(&path, &entry.key)) {
                let fault = names::unknown_key(&path, &entry.key, &self.known.working);
                self.at.problems.push(Problem::new(&entry.place, path.clone(), fault));
            }
        }
        section.keys(&mut SectionReader { entries, known: self.known, at: self.at.inner(path.clone()) });
        section.check(&mut SectionChecks { root: self.at.root, path, problems: self.at.problems });
    }

    fn given(&self, name: &str) -> Option<&ConfigNode> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (entry.node.value != ConfigValue::Null).then_some(&entry.node)
    }
}

impl Keys for SectionReader<'_> {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn KeySlot) {
        let Some(node) = self.given(name).cloned() else { return };
        slot.read(&node, &mut self.at.part(name));
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn KeySection) {
        let node = self.given(name).cloned().unwrap_or_else(ConfigNode::empty);
        let known = self.known;
        SectionReader { entries: &[], known, at: self.at.part(name) }.group(section, &node);
    }
}
