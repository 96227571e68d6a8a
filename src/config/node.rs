//! [`ConfigNode`]: a document as it was written, every scalar still text, every piece with its position.

use super::problem::SettingPosition;

/// A value and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigNode {
    pub(super) value: ConfigValue,
    pub(super) place: SettingPosition,
}

/// The value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigValue {
    /// Empty, `~` or `null`.
    Null,
    /// Text, quoted or not.
    Scalar(String),
    /// `[a, b]`
    List(Vec<ConfigNode>),
    /// `{a: b}`
    Map(Vec<ConfigEntry>),
}

/// One key of a mapping, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigEntry {
    pub(super) key: String,
    pub(super) place: SettingPosition,
    pub(super) node: ConfigNode,
}

impl ConfigNode {
    /// A document without any key.
    pub(super) fn empty() -> Self {
        Self { value: ConfigValue::Null, place: SettingPosition::Whole }
    }

    /// Whether the document sets no key: it has none, or only keys without a value.
    pub(super) fn says_nothing(&self) -> bool {
        match &self.value {
            ConfigValue::Null => true,
            ConfigValue::Map(entries) => entries.iter().all(|entry| entry.node.says_nothing()),
            ConfigValue::Scalar(_) | ConfigValue::List(_) => false,
        }
    }

    /// Sets the value at `path`, replacing the one that the file has there.
    pub(super) fn put(&mut self, path: &[&str], node: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if !matches!(self.value, ConfigValue::Map(_)) {
            self.value = ConfigValue::Map(Vec::new());
        }
        let ConfigValue::Map(entries) = &mut self.value else { return };
        let index = entries.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
            let (key, place) = ((*first).to_owned(), node.place.clone());
            entries.push(ConfigEntry { key, place: place.clone(), node: Self { value: ConfigValue::Null, place } });
            entries.len() - 1
        });
        entries[index].node.put(rest, node);
    }

    /// The node at `path`, which is written as in [`Problem::path`](super::problem::Problem::path).
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        path.split(['.', '[']).try_fold(self, |node, step| match &node.value {
            ConfigValue::Map(entries) => entries.iter().find(|entry| entry.key == step).map(|entry| &entry.node),
            ConfigValue::List(items) => items.get(step.trim_end_matches(']').parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// `outer.key`, or `key` at the top.
pub(super) fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() { key.to_owned() } else { format!("{outer}.{key}") }
}
