//! [`OneOrMany`]: one of a kind, or a list of them.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// One value of the kind inside, which may stand without a list, or several. None is written as `null`.
pub(in crate::config) struct OneOrMany<K>(pub(in crate::config) K);

impl<K: KeyKind> KeyKind for OneOrMany<K> {
    type Value = Vec<K::Value>;

    fn name(&self) -> String {
        format!("{}, or a list of such", self.0.name())
    }

    fn parse(&self, text: &str) -> Result<Self::Value, ValueError> {
        self.0.parse(text).map(|one| vec![one])
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        match value.as_slice() {
            [] => YamlText::Null,
            [one] => self.0.write(one),
            many => YamlText::List(many.iter().map(|one| self.0.write(one)).collect()),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [self.0.schema(), { "type": "array", "items": self.0.schema() }, { "type": "null" }] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        match &node.value {
            ConfigValue::List(items) => {
                let read: Vec<Option<K::Value>> =
                    items.iter().enumerate().map(|(index, item)| self.0.read(item, &mut at.item(index))).collect();
                read.into_iter().collect()
            }
            _ => self.0.read(node, at).map(|one| vec![one]),
        }
    }
}
