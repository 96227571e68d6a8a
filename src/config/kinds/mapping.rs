//! [`Mapping`]: values under names that the operator chooses.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// Values of the second kind under names of the first, in the order of the file.
pub(in crate::config) struct Mapping<N, K>(pub(in crate::config) N, pub(in crate::config) K);

impl<N: KeyKind, K: KeyKind> KeyKind for Mapping<N, K>
where
    N::Value: PartialEq,
{
    type Value = Vec<(N::Value, K::Value)>;

    fn name(&self) -> String {
        format!("mapping, {}: {}", self.0.name(), self.1.name())
    }

    fn parse(&self, _text: &str) -> Result<Self::Value, ValueError> {
        Err(ValueError::new("expected keys, as in `key: value`"))
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        let name = |name: &N::Value| match self.0.write(name) {
            YamlText::Word(word) => word.into(),
            other => other.to_string().into(),
        };
        YamlText::Map(value.iter().map(|(key, value)| (name(key), self.1.write(value))).collect())
    }

    fn schema(&self) -> Json {
        json!({ "type": "object", "propertyNames": self.0.schema(), "additionalProperties": self.1.schema() })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        let ConfigValue::Map(entries) = &node.value else {
            at.report(&node.place, ValueError::new("expected keys, as in `key: value`"));
            return None;
        };
        let (mut read, mut whole) = (Self::Value::new(), true);
        for entry in entries {
            let value = self.1.read(&entry.node, &mut at.part(&entry.key));
            let name = match self.0.parse(&entry.key) {
                // Names with different spellings may mean the same.
                Ok(name) if read.iter().any(|(other, _)| *other == name) => Err(ValueError::new("given twice")),
                name => name,
            };
            match (name.map_err(|fault| at.report(&entry.place, fault)), value) {
                (Ok(name), Some(value)) => read.push((name, value)),
                _ => whole = false,
            }
        }
        whole.then_some(read)
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        self.1.items().map(|(_, section)| (".NAME", section))
    }
}
