//! [`List`]: several of a kind.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::{SettingPosition, ValueError};
use crate::config::setting::SettingReader;

/// A list of the kind inside. In an environment variable it is separated by commas, and `[]` is the empty one.
pub(in crate::config) struct List<K>(pub(in crate::config) K);

impl<K: KeyKind> KeyKind for List<K> {
    type Value = Vec<K::Value>;

    fn name(&self) -> String {
        format!("list, each item: {}", self.0.name())
    }

    fn parse(&self, text: &str) -> Result<Self::Value, ValueError> {
        words(text).map(|word| self.0.parse(word)).collect()
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        YamlText::List(value.iter().map(|item| self.0.write(item)).collect())
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": self.0.schema() })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        let place = &node.place;
        let items: Vec<ConfigNode> = match &node.value {
            ConfigValue::List(items) => items.clone(),
            ConfigValue::Scalar(text) if !matches!(place, SettingPosition::File { .. }) => words(text)
                .map(|word| ConfigNode { value: ConfigValue::Scalar(word.to_owned()), place: place.clone() })
                .collect(),
            ConfigValue::Scalar(text) => {
                let fault = ValueError::new("expected a list");
                let plain = !text.contains(['"', '\\', '\n', '@']) && text.len() <= 60;
                // A hint must not be the next error.
                let wrong = words(text).find_map(|word| self.0.parse(word).err());
                match wrong {
                    None if plain => {
                        let items: Vec<String> = words(text).map(|word| format!("\"{word}\"")).collect();
                        at.report(place, fault.hint(format!("write `[{}]`", items.join(", "))));
                    }
                    wrong => {
                        at.report(place, fault);
                        if let Some(wrong) = wrong {
                            at.report(place, wrong);
                        }
                    }
                }
                return None;
            }
            ConfigValue::Map(_) | ConfigValue::Null => {
                at.report(place, ValueError::new("expected a list"));
                return None;
            }
        };
        let read: Vec<Option<K::Value>> =
            items.iter().enumerate().map(|(index, item)| self.0.read(item, &mut at.item(index))).collect();
        read.into_iter().collect()
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        self.0.items().map(|(_, section)| ("[]", section))
    }
}

/// The words of a list in an environment variable.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let list = if text.trim() == "[]" { "" } else { text };
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}
