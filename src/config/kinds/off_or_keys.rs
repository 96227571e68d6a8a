//! [`OffOrKeys`]: keys of their own, or the word `off`.

use serde_json::{Value as Json, json};

use super::{Keyed, Quoted};
use crate::config::keys::{KeyKind, KeySection, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// A mapping with the keys of `S`, or `off`.
pub(in crate::config) struct OffOrKeys<S>(Keyed<S>);

impl<S> OffOrKeys<S> {
    pub(in crate::config) const NEW: Self = Self(Keyed::NEW);
}

impl<S: KeySection + Clone + Default + 'static> KeyKind for OffOrKeys<S> {
    type Value = Option<S>;

    fn name(&self) -> String {
        format!("off or {}", self.0.name())
    }

    fn parse(&self, text: &str) -> Result<Option<S>, ValueError> {
        if text == OFF {
            return Ok(None);
        }
        Err(ValueError::new(format!("{} is neither off nor keys", Quoted(text)))
            .hint(format!("{}, or off", self.0.name())))
    }

    fn write(&self, value: &Option<S>) -> YamlText {
        match value {
            None => YamlText::Word(OFF.to_owned()),
            Some(section) => self.0.write(section),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "const": OFF }, self.0.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Option<S>> {
        match &node.value {
            ConfigValue::Map(_) => self.0.read(node, at).map(Some),
            _ => at.word(node, self),
        }
    }

    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        Some(Box::new(S::default()))
    }
}

const OFF: &str = "off";
