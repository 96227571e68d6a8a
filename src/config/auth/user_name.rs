//! [`UserName`]: the name of a user, or of a service that has a token.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A user's name; RFC 7617 §2 rules out the colon.
pub(super) struct UserName;

impl KeyKind for UserName {
    type Value = String;

    fn name(&self) -> String {
        "user".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if text.is_empty()
            || text.len() > LONGEST_USER
            || text.trim() != text
            || text.contains(|c: char| c == ':' || c.is_control())
        {
            let fault = ValueError::new("not the name of a user");
            return Err(fault.hint("some letters, at most 255, without a colon and without spaces around them"));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[^:]+$", "maxLength": LONGEST_USER })
    }
}

const LONGEST_USER: usize = 255;
