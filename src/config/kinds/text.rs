//! [`TextValue`]: free text.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// Text that is not empty.
pub(in crate::config) struct TextValue;

impl KeyKind for TextValue {
    type Value = String;

    fn name(&self) -> String {
        "text".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if text.is_empty() { Err(ValueError::new("empty")) } else { Ok(text.to_owned()) }
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
