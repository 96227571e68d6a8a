//! [`Map`]: a mapping of the file.

use crate::import::yaml::{YamlEntry, YamlValue};

/// The value, or `None` for an empty list or mapping.
pub(super) fn filled(value: YamlValue) -> Option<YamlValue> {
    match &value {
        YamlValue::List(items) if items.is_empty() => None,
        YamlValue::Map(entries) if entries.is_empty() => None,
        _ => Some(value),
    }
}

/// A mapping while entries are added to it.
#[derive(Default)]
pub(super) struct Map(pub(super) Vec<YamlEntry>);

impl Map {
    /// Adds a value where there is one.
    pub(super) fn put(&mut self, key: &str, value: Option<YamlValue>) {
        self.0.extend(value.map(|value| YamlEntry { comment: Vec::new(), key: key.to_owned(), value }));
    }

    /// Adds a mapping, unless it is empty.
    pub(super) fn section(&mut self, key: &str, inner: Self) {
        self.put(key, filled(YamlValue::Map(inner.0)));
    }
}
