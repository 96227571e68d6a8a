//! How a section says what its keys are: once, each bound to the field it sets.
//!
//! A section's [`KeySection::keys`] is a list: name, kind, field, one sentence. Every consumer of the keys walks that
//! list: the reader, the names of environment variables, `check --print`, the JSON Schema and the reference. The
//! defaults are those of the section's `Default`, so they are written once too.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::node::{ConfigNode, ConfigValue};
use super::problem::{Problem, ProblemSeverity, SettingPosition, ValueError};
use super::setting::SettingReader;

/// A group of keys.
pub(super) trait KeySection {
    /// Names every key, in the order of the reference.
    fn keys(&mut self, keys: &mut dyn Keys);

    /// Reports keys that contradict each other.
    fn check(&self, checks: &mut SectionChecks<'_>) {
        let _ = checks;
    }
}

/// A walk over the list of keys.
pub(super) trait Keys {
    /// A key that holds a value.
    fn slot(&mut self, name: &'static str, doc: &'static str, slot: &mut dyn KeySlot);

    /// A key that holds keys.
    fn section(&mut self, name: &'static str, doc: &'static str, section: &mut dyn KeySection);
}

impl dyn Keys + '_ {
    /// A key of the kind `kind` that sets `field`.
    pub(super) fn key<K: KeyKind>(&mut self, name: &'static str, kind: K, field: &mut K::Value, doc: &'static str) {
        self.slot(name, doc, &mut BoundKey { kind, field });
    }
}

/// The kind of a key's value: how it is read, written and described.
pub(super) trait KeyKind {
    /// The type of the value.
    type Value;

    /// The kind's name in the reference: `duration`, `list of addresses`.
    fn name(&self) -> String;

    /// Reads a value from one word.
    fn parse(&self, text: &str) -> Result<Self::Value, ValueError>;

    /// Writes a value so that it reads back the same.
    fn write(&self, value: &Self::Value) -> YamlText;

    /// The JSON Schema of a value.
    fn schema(&self) -> Json;

    /// Reads a value from a node; kinds of more than one word override it.
    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            ConfigValue::Null => Err(ValueError::new(format!("nothing here; expected {}", self.name()))),
            ConfigValue::List(_) => Err(ValueError::new(format!("a list; expected {}", self.name()))),
            ConfigValue::Map(_) => Err(ValueError::new(format!("a mapping; expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    /// The names of the parts, when the value may be written as a mapping.
    fn parts(&self) -> &'static [&'static str] {
        &[]
    }

    /// The section of each item, when the value is a list or mapping of sections, and how the path continues to an
    /// item: `[]` or `.NAME`.
    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        None
    }

    /// The keys of the value's long form, for the reference.
    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        None
    }
}

impl<K: KeyKind> KeyKind for &K {
    type Value = K::Value;

    fn name(&self) -> String {
        (**self).name()
    }

    fn parse(&self, text: &str) -> Result<Self::Value, ValueError> {
        (**self).parse(text)
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        (**self).write(value)
    }

    fn schema(&self) -> Json {
        (**self).schema()
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        (**self).read(node, at)
    }
}

/// A value in the shape in which YAML shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum YamlText {
    /// Not set: `null`.
    Null,
    /// A number.
    Number(u64),
    /// Text.
    Word(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(Vec<(Cow<'static, str>, Self)>),
}

impl YamlText {
    /// A mapping of these parts, whose names are known.
    pub(super) fn parts(parts: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Map(parts.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// A kind together with the field it is read into; hides the field's type.
pub(super) trait KeySlot {
    /// Reads the field; on a failure leaves it alone and reports why.
    fn read(&mut self, node: &ConfigNode, at: &mut SettingReader<'_>);
    /// See [`KeyKind::write`].
    fn write(&self) -> YamlText;
    /// See [`KeyKind::schema`].
    fn schema(&self) -> Json;
    /// See [`KeyKind::name`].
    fn kind(&self) -> String;
    /// See [`KeyKind::parts`].
    fn parts(&self) -> &'static [&'static str];
    /// See [`KeyKind::items`].
    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)>;
    /// See [`KeyKind::long_form`].
    fn long_form(&self) -> Option<Box<dyn KeySection>>;
}

struct BoundKey<'a, K: KeyKind> {
    kind: K,
    field: &'a mut K::Value,
}

impl<K: KeyKind> KeySlot for BoundKey<'_, K> {
    fn read(&mut self, node: &ConfigNode, at: &mut SettingReader<'_>) {
        if let Some(value) = self.kind.read(node, at) {
            *self.field = value;
        }
    }

    fn write(&self) -> YamlText {
        self.kind.write(self.field)
    }

    fn schema(&self) -> Json {
        self.kind.schema()
    }

    fn kind(&self) -> String {
        self.kind.name()
    }

    fn parts(&self) -> &'static [&'static str] {
        self.kind.parts()
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        self.kind.items()
    }

    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        self.kind.long_form()
    }
}

/// Where a section reports keys that contradict each other.
pub(super) struct SectionChecks<'a> {
    /// The document, for the position of a key.
    pub(super) root: &'a ConfigNode,
    /// The section's own path.
    pub(super) path: String,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl SectionChecks<'_> {
    /// Whether `key` is written in the configuration with a value.
    pub(super) fn gives(&self, key: &str) -> bool {
        let found = self.root.find(&super::node::join(&self.path, key));
        found.is_some_and(|node| node.value != ConfigValue::Null)
    }

    /// Whether `key` is written in the configuration.
    pub(super) fn sets(&self, key: &str) -> bool {
        self.root.find(&super::node::join(&self.path, key)).is_some()
    }

    /// `key`, and the line on which it is written.
    pub(super) fn named(&self, key: &str) -> String {
        match self.root.find(&super::node::join(&self.path, key)).map(|node| &node.place) {
            Some(SettingPosition::File { line, .. }) => format!("{key} on line {line}"),
            Some(SettingPosition::Variable(name)) => name.clone(),
            Some(SettingPosition::Flag(name)) => (*name).to_owned(),
            Some(SettingPosition::Whole) | None => format!("{key} (the default)"),
        }
    }

    /// Reports `fault` at the first of `keys` that was given, else at the section. A key that could not be read has
    /// been reported already and proves nothing, so then nothing is reported.
    pub(super) fn report(&mut self, keys: &[&str], fault: ValueError) {
        let paths: Vec<String> = keys.iter().map(|key| super::node::join(&self.path, key)).collect();
        let unread = |path: &String| {
            // A list is read as a whole or not at all, but a key in an item is read by itself.
            let key = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')).map_or(&**path, |(list, _)| list);
            let unread = |problem: &&Problem| problem.severity == ProblemSeverity::Error;
            self.problems.iter().filter(unread).any(|problem| lies_in(&problem.path, key))
        };
        // What seems to be missing may be what is wrong.
        let is_missing = !self.path.is_empty() && paths.iter().all(|path| self.root.find(path).is_none());
        if paths.iter().any(unread) || is_missing && !self.is_whole_section() {
            return;
        }
        self.report_read(keys, fault);
    }

    /// Whether nothing is wrong in `key`, as far as it was looked at.
    pub(super) fn is_whole(&self, key: &str) -> bool {
        self.is_whole_at(&super::node::join(&self.path, key))
    }

    fn is_whole_section(&self) -> bool {
        self.is_whole_at(&self.path)
    }

    fn is_whole_at(&self, path: &str) -> bool {
        let mut errors = self.problems.iter().filter(|problem| problem.severity == ProblemSeverity::Error);
        !errors.any(|problem| lies_in(&problem.path, path))
    }

    /// Reports `fault` as [`SectionChecks::report`] does, of values that were read, whatever else is wrong with their keys.
    pub(super) fn report_read(&mut self, keys: &[&str], fault: ValueError) {
        let paths: Vec<String> = keys.iter().map(|key| super::node::join(&self.path, key)).collect();
        let given = paths.iter().find_map(|path| Some((path, &self.root.find(path)?.place)));
        let section = || if self.path.is_empty() { None } else { self.root.find(&self.path) };
        let (path, place) =
            given.unwrap_or_else(|| (&paths[0], section().map_or(&SettingPosition::Whole, |section| &section.place)));
        self.problems.push(Problem::new(place, path, fault));
    }
}

/// Whether `path` is `outer` or a part of it.
fn lies_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
