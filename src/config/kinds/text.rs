//! [`Text`]: any words.

use serde_json::{Value as Json, json};

use crate::config::keys::{Kind, Written};
use crate::config::problem::Fault;

/// Text that is not empty.
pub(in crate::config) struct Text;

impl Kind for Text {
    type Value = String;

    fn name(&self) -> String {
        "text".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, Fault> {
        if text.is_empty() { Err(Fault::new("empty")) } else { Ok(text.to_owned()) }
    }

    fn write(&self, value: &String) -> Written {
        Written::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
