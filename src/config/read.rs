//! Reads a document into a [`Section`]: every key that can be read is, and everything else is reported.

use std::path::{Path, PathBuf};

use super::keys::{Checks, Keys, Section, Slot};
use super::names::{self, Names};
use super::node::{Entry, Node, Value, join};
use super::problem::{Fault, Place, Problem};

/// Where relative paths begin.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// The folder of the configuration file.
    pub(super) file: PathBuf,
    /// The folder of whoever set an environment variable or a flag.
    pub(super) working: PathBuf,
    /// Whether the text was printed with its secrets masked.
    pub(super) printed: bool,
}

/// Reads all of `root` into `section`.
pub(super) fn read(section: &mut dyn Section, root: &Node, folders: &Folders, problems: &mut Vec<Problem>) {
    At { path: String::new(), root, folders, problems }.section(section, root);
}

/// The setting that is being read, and where to report what is wrong with it.
pub(super) struct At<'a> {
    path: String,
    root: &'a Node,
    folders: &'a Folders,
    problems: &'a mut Vec<Problem>,
}

impl At<'_> {
    /// Reports a fault of this setting.
    pub(super) fn report(&mut self, place: &Place, fault: Fault) {
        self.problems.push(Problem::new(place, self.path.clone(), fault));
    }

    /// The item `index` of this list.
    pub(super) fn item(&mut self, index: usize) -> At<'_> {
        self.inner(format!("{}[{index}]", self.path))
    }

    /// The part `key` of this mapping.
    pub(super) fn part(&mut self, key: &str) -> At<'_> {
        self.inner(join(&self.path, key))
    }

    /// Reads the keys in `node`. `false` if something is wrong with them.
    pub(super) fn section(&mut self, section: &mut dyn Section, node: &Node) -> bool {
        let before = self.problems.len();
        let known = Names::within(self.path.clone(), section);
        Reader { entries: &[], known: &known, at: self.inner(self.path.clone()) }.group(section, node);
        self.problems.len() == before
    }

    /// The absolute form of a path that was written at `place`.
    pub(super) fn absolute(&self, place: &Place, path: &str) -> PathBuf {
        let folder = if matches!(place, Place::File { .. }) { &self.folders.file } else { &self.folders.working };
        folder.join(Path::new(path))
    }

    /// Whether a secret is masked in what is read, and its mask stands for it.
    pub(super) fn is_masked(&self, text: &Value) -> bool {
        self.folders.printed && *text == Value::Scalar(MASK.to_owned())
    }

    fn inner(&mut self, path: String) -> At<'_> {
        At { path, root: self.root, folders: self.folders, problems: self.problems }
    }
}

/// What a printed configuration has in place of a secret.
pub(super) const MASK: &str = "***";

struct Reader<'a> {
    entries: &'a [Entry],
    known: &'a Names,
    at: At<'a>,
}

impl Reader<'_> {
    /// Reads one group of keys from `node`.
    fn group(&mut self, section: &mut dyn Section, node: &Node) {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            Value::Scalar(_) | Value::List(_) => {
                let fault = Fault::new("expected keys, as in `key: value`");
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
        section.keys(&mut Reader { entries, known: self.known, at: self.at.inner(path.clone()) });
        section.check(&mut Checks { root: self.at.root, path, problems: self.at.problems });
    }

    fn given(&self, name: &str) -> Option<&Node> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (entry.node.value != Value::Null).then_some(&entry.node)
    }
}

impl Keys for Reader<'_> {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn Slot) {
        let Some(node) = self.given(name).cloned() else { return };
        slot.read(&node, &mut self.at.part(name));
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn Section) {
        let node = self.given(name).cloned().unwrap_or_else(Node::empty);
        let known = self.known;
        Reader { entries: &[], known, at: self.at.part(name) }.group(section, &node);
    }

    fn not_yet(&mut self, name: &'static str, idle: Option<&'static str>) {
        let Some(node) = self.given(name).cloned() else { return };
        if idle.is_some_and(|idle| node.value == Value::Scalar(idle.to_owned())) {
            return;
        }
        self.at.part(name).report(&node.place, Fault::new("not available yet").hint("remove it"));
    }
}
