//! [`Optional`]: a value, or a word that stands for none.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// How the absence of a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum NoValue {
    /// The word `off`: there is no limit.
    Off,
    /// Nothing, or `null`: another setting decides.
    Null,
}

/// A value of the kind inside, or none.
pub(in crate::config) struct Optional<K>(pub(in crate::config) NoValue, pub(in crate::config) K);

impl<K: KeyKind> KeyKind for Optional<K> {
    type Value = Option<K::Value>;

    fn name(&self) -> String {
        match self.0 {
            NoValue::Off => format!("{} or off", self.1.name()),
            NoValue::Null => self.1.name(),
        }
    }

    fn parse(&self, text: &str) -> Result<Self::Value, ValueError> {
        if self.0 == NoValue::Null {
            return self.1.parse(text).map(Some);
        }
        if text == "off" {
            return Ok(None);
        }
        self.1.parse(text).map(Some).map_err(|fault| {
            let hint = fault
                .hint
                .as_ref()
                .map_or_else(|| "`off` turns it off".to_owned(), |hint| format!("{hint}; `off` turns it off"));
            fault.hint(hint)
        })
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        match (value, self.0) {
            (Some(value), _) => self.1.write(value),
            (None, NoValue::Off) => YamlText::Word("off".to_owned()),
            (None, NoValue::Null) => YamlText::Null,
        }
    }

    fn schema(&self) -> Json {
        let none = match self.0 {
            NoValue::Off => json!({ "const": "off" }),
            NoValue::Null => json!({ "type": "null" }),
        };
        json!({ "anyOf": [self.1.schema(), none] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        if self.0 == NoValue::Null {
            return self.1.read(node, at).map(Some);
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    fn parts(&self) -> &'static [&'static str] {
        self.1.parts()
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        self.1.items()
    }

    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        self.1.long_form()
    }
}
