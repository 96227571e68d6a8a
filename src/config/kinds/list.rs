//! [`List`]: several of a kind.

use serde_json::{Value as Json, json};

use crate::config::keys::{Kind, Section, Written};
use crate::config::node::{Node, Value};
use crate::config::problem::{Fault, Place};
use crate::config::read::At;

/// A list of the kind inside. In an environment variable it is separated by commas, and `[]` is the empty one.
pub(in crate::config) struct List<K>(pub(in crate::config) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn name(&self) -> String {
        format!("list, each item: {}", self.0.name())
    }

    fn parse(&self, text: &str) -> Result<Self::Value, Fault> {
        words(text).map(|word| self.0.parse(word)).collect()
    }

    fn write(&self, value: &Self::Value) -> Written {
        Written::List(value.iter().map(|item| self.0.write(item)).collect())
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": self.0.schema() })
    }

    fn read(&self, node: &Node, at: &mut At<'_>) -> Option<Self::Value> {
        let place = &node.place;
        let items: Vec<Node> = match &node.value {
            Value::List(items) => items.clone(),
            Value::Scalar(text) if !matches!(place, Place::File { .. }) => {
                words(text).map(|word| Node { value: Value::Scalar(word.to_owned()), place: place.clone() }).collect()
            }
            Value::Scalar(text) => {
                let fault = Fault::new("expected a list");
                let plain = !text.contains(['"', '\\', '\n', '@']) && text.len() <= 60;
                at.report(place, if plain { fault.hint(format!("write `[\"{text}\"]`")) } else { fault });
                return None;
            }
            Value::Map(_) | Value::Null => {
                at.report(place, Fault::new("expected a list"));
                return None;
            }
        };
        let read: Vec<Option<K::Value>> =
            items.iter().enumerate().map(|(index, item)| self.0.read(item, &mut at.item(index))).collect();
        read.into_iter().collect()
    }

    fn items(&self) -> Option<(&'static str, Box<dyn Section>)> {
        self.0.items().map(|(_, section)| ("[]", section))
    }
}

/// The words of a list in an environment variable.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let list = if text.trim() == "[]" { "" } else { text };
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}
