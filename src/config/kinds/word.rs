//! [`WordOf`]: one of a few words.

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::names::nearest;
use crate::config::problem::ValueError;

/// One of these words; the first word for a meaning is the one that is written back.
pub(in crate::config) struct WordOf<T: 'static>(pub(in crate::config) &'static [(&'static str, T)]);

impl WordOf<bool> {
    /// `on` or `off`.
    pub(in crate::config) const SWITCH: Self = Self(&[("on", true), ("off", false), ("true", true), ("false", false)]);
}

impl<T: Copy + PartialEq> WordOf<T> {
    /// The words as `a, b or c`, without other spellings of the same meaning.
    fn words(&self) -> Vec<&'static str> {
        let first = |&(word, value): &(&'static str, T)| {
            (self.0.iter().find(|(_, other)| *other == value)?.0 == word).then_some(word)
        };
        self.0.iter().filter_map(first).collect()
    }
}

impl<T: Copy + PartialEq> KeyKind for WordOf<T> {
    type Value = T;

    fn name(&self) -> String {
        self.words().join(" or ")
    }

    fn parse(&self, text: &str) -> Result<T, ValueError> {
        if let Some((_, value)) = self.0.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let words = self.words();
        let fault = ValueError::new(format!("{} is none of {}", Quoted(text), words.join(", ")));
        let lower = text.to_ascii_lowercase();
        // The words that YAML 1.1 and other programs use for on and off.
        let meant = match lower.as_str() {
            "yes" | "y" | "1" | "enabled" => "on",
            "no" | "n" | "0" | "disabled" => "off",
            other => other,
        };
        Err(match nearest(meant, words.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault,
        })
    }

    fn write(&self, value: &T) -> YamlText {
        let (word, _) = self.0.iter().find(|(_, known)| known == value).expect("every value of the type has a word");
        YamlText::Word((*word).to_owned())
    }

    fn schema(&self) -> Json {
        let words = self.0.iter().map(|(word, _)| match *word {
            "true" => json!(true),
            "false" => json!(false),
            word => json!(word),
        });
        json!({ "enum": words.collect::<Vec<_>>() })
    }
}
