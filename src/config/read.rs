//! Reads a document into a [`KeySection`]: every key that can be read is, and everything else is reported.

use std::path::{Path, PathBuf};

use super::keys::{KeySection, KeySlot, Keys, SectionChecks};
use super::names::{self, KeyNames};
use super::node::{ConfigEntry, ConfigNode, ConfigValue, join};
use super::problem::{Problem, SettingPosition, ValueError};

/// Where relative paths begin.
#[derive(Debug, Clone)]
pub(super) struct BaseFolders {
    /// The folder of the configuration file.
    pub(super) file: PathBuf,
    /// The folder of whoever set an environment variable or a flag.
    pub(super) working: PathBuf,
    /// Whether the text was printed with its secrets masked.
    pub(super) printed: bool,
}

/// Reads all of `root` into `section`.
pub(super) fn read(
    section: &mut dyn KeySection,
    root: &ConfigNode,
    folders: &BaseFolders,
    problems: &mut Vec<Problem>,
) {
    SettingReader { path: String::new(), root, folders, problems }.section(section, root);
}

/// The setting that is being read, and where to report what is wrong with it.
pub(super) struct SettingReader<'a> {
    path: String,
    root: &'a ConfigNode,
    folders: &'a BaseFolders,
    problems: &'a mut Vec<Problem>,
}

impl SettingReader<'_> {
    /// Reports a fault of this setting.
    pub(super) fn report(&mut self, place: &SettingPosition, fault: ValueError) {
        self.problems.push(Problem::new(place, self.path.clone(), fault));
    }

    /// The item `index` of this list.
    pub(super) fn item(&mut self, index: usize) -> SettingReader<'_> {
        self.inner(format!("{}[{index}]", self.path))
    }

    /// The part `key` of this mapping.
    pub(super) fn part(&mut self, key: &str) -> SettingReader<'_> {
        self.inner(join(&self.path, key))
    }

    /// Reads the keys in `node`. `false` if something is wrong with them.
    pub(super) fn section(&mut self, section: &mut dyn KeySection, node: &ConfigNode) -> bool {
        let before = self.problems.len();
        let known = KeyNames::within(self.path.clone(), section);
        SectionReader { entries: &[], known: &known, at: self.inner(self.path.clone()) }.group(section, node);
        self.problems.len() == before
    }

    /// The absolute form of a path that was written at `place`.
    pub(super) fn absolute(&self, place: &SettingPosition, path: &str) -> PathBuf {
        let folder =
            if matches!(place, SettingPosition::File { .. }) { &self.folders.file } else { &self.folders.working };
        folder.join(Path::new(path))
    }

    /// Whether a secret is masked in what is read, and its mask stands for it.
    pub(super) fn is_masked(&self, text: &ConfigValue) -> bool {
        self.folders.printed && *text == ConfigValue::Scalar(MASK.to_owned())
    }

    fn inner(&mut self, path: String) -> SettingReader<'_> {
        SettingReader { path, root: self.root, folders: self.folders, problems: self.problems }
    }
}

/// What a printed configuration has in place of a secret.
pub(super) const MASK: &str = "***";

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

    fn not_yet(&mut self, name: &'static str, idle: Option<&'static str>) {
        let Some(node) = self.given(name).cloned() else { return };
        if idle.is_some_and(|idle| node.value == ConfigValue::Scalar(idle.to_owned())) {
            return;
        }
        self.at.part(name).report(&node.place, ValueError::new("not available yet").hint("remove it"));
    }
}
