//! [`GivenName`]: a name that the configuration itself gives to one of its parts.

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// The kind of a name that the configuration gives to one of its parts, such as `an upstream`.
pub(in crate::config) struct GivenName(pub(in crate::config) &'static str);

/// Whether `text` may be such a name. No URL is one.
pub(in crate::config) fn is_given_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl KeyKind for GivenName {
    type Value = String;

    fn name(&self) -> String {
        "name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if is_given_name(text) {
            return Ok(text.to_owned());
        }
        let fault = ValueError::new(format!("{} is not the name of {}", Quoted(text), self.0));
        Err(fault.hint("letters, digits, `-` and `_`, at most 64"))
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" })
    }
}
