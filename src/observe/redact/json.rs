//! Secrets in text that may be JSON: the payload of a message on a WebSocket.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{HIDDEN, Redactor, decoded, shows_credentials};

/// What may be shown of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShownText {
    /// It is JSON; this is a copy with every secret replaced, whatever its depth.
    Json(String),
    /// It is not JSON, and nothing in it looks like a secret.
    Plain,
    /// It is not JSON, and may hold a secret. Where that would end cannot be told, so that none of it is to be shown.
    Hidden,
}

impl Redactor {
    /// What may be shown of a message that is text.
    ///
    /// In JSON the value of a key is hidden if `log.redact` names the key, or if its last word says that it is a credential
    /// (`deviceToken`), and so is what stands beside such a name, as lists of header fields have it. A string is hidden if it
    /// is itself JSON or a URL with such a value, or shows credentials.
    pub(crate) fn message(&self, text: &str) -> ShownText {
        match self.copy(text, 0) {
            Some(copy) => ShownText::Json(copy.out),
            None if self.may_hold_secret(text) => ShownText::Hidden,
            None => ShownText::Plain,
        }
    }

    fn copy(&self, text: &str, layer: usize) -> Option<JsonCopy<'_>> {
        let out = String::with_capacity(text.len());
        let mut copy = JsonCopy { redactor: self, layer, out, hidden: false, is_name: false };
        let mut json = serde_json::Deserializer::from_str(text);
        copy.deserialize(&mut json).and_then(|()| json.end()).ok()?;
        Some(copy)
    }

    /// Whether a string in a JSON text that is itself `layer` strings deep may hold a secret.
    fn is_secret_string(&self, text: &str, layer: usize) -> bool {
        if self.names.is_empty() {
            return false;
        }
        // Each layer has its own nesting, and each of these takes room on the stack.
        if layer >= LAYERS {
            return text.trim_start().starts_with(['{', '[', '"']) || self.may_hold_secret(text);
        }
        match self.copy(text, layer + 1) {
            Some(nested) => nested.hidden,
            None => self.may_hold_secret(text),
        }
    }

    /// Whether text that is not JSON may hold a secret. A cut or broken JSON text may spell a name in escapes.
    fn may_hold_secret(&self, text: &str) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let decoded = decoded(text.as_bytes());
        text.contains("\\u")
            || self.assigns_or_heads(&decoded)
            || shows_credentials(self, &String::from_utf8_lossy(&decoded))
    }
}

/// A JSON text that is copied, in its order, without its secrets.
struct JsonCopy<'a> {
    redactor: &'a Redactor,
    /// How many JSON texts this one is a string in.
    layer: usize,
    out: String,
    /// Whether anything was hidden.
    hidden: bool,
    /// Whether the value before was a string that is the name of a secret.
    is_name: bool,
}

impl JsonCopy<'_> {
    fn push(&mut self, value: impl Into<serde_json::Value>) {
        self.out.push_str(&value.into().to_string());
    }

    fn hide(&mut self) {
        self.hidden = true;
        self.push(HIDDEN);
    }

    fn is_secret_key(&self, key: &str) -> bool {
        !self.redactor.names.is_empty() && self.redactor.is_secret_key(key.as_bytes())
    }
}

impl<'de> DeserializeSeed<'de> for &mut JsonCopy<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut JsonCopy<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(());
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if self.redactor.is_secret_string(value, self.layer) {
            self.hide();
        } else {
            self.push(value);
            self.is_name = value.len() <= LONGEST_NAME && !value.contains(' ') && self.is_secret_key(value);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push('[');
        let begin = self.out.len();
        self.is_name = false;
        loop {
            let before = self.out.len();
            if before > begin {
                self.out.push(',');
            }
            // A pair of a name and its value.
            let more = if std::mem::take(&mut self.is_name) {
                let more = items.next_element::<IgnoredAny>()?.map(|_| self.hide());
                more.is_some()
            } else {
                items.next_element_seed(&mut *self)?.is_some()
            };
            if !more {
                self.out.truncate(before);
                break;
            }
        }
        self.is_name = false;
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.out.push('{');
        let begin = self.out.len();
        let (mut names_secret, mut value) = (false, None);
        while let Some(key) = members.next_key::<String>()? {
            if self.out.len() > begin {
                self.out.push(',');
            }
            let holds_secret = self.redactor.is_secret_string(&key, self.layer);
            self.push(if holds_secret { HIDDEN } else { key.as_str() });
            self.out.push(':');
            let from = self.out.len();
            if holds_secret || self.is_secret_key(&key) {
                members.next_value::<IgnoredAny>()?;
                self.hide();
                continue;
            }
            members.next_value_seed(&mut *self)?;
            names_secret |= std::mem::take(&mut self.is_name) && NAMES.contains(&key.as_str());
            if VALUES.contains(&key.as_str()) {
                value = Some(from..self.out.len());
            }
        }
        if let Some(value) = value.filter(|_| names_secret) {
            self.hidden = true;
            self.out.replace_range(value, &format!("\"{HIDDEN}\""));
        }
        self.is_name = false;
        self.out.push('}');
        Ok(())
    }
}

/// The keys of an object that has a name and its value apart, as lists of header fields do.
const NAMES: [&str; 5] = ["name", "key", "header", "field", "k"];
const VALUES: [&str; 4] = ["value", "values", "val", "v"];
/// Bytes of a string that may be a name.
const LONGEST_NAME: usize = 64;
/// How many JSON texts may be strings in one another. What is deeper is not looked into, and hidden.
const LAYERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&crate::config::Log::default().redact)
    }

    #[test]
    fn secrets_in_json_are_hidden_at_any_depth_and_the_rest_stays_as_it_is() {
        for (given, expected) in [
            (r#"{"b":1,"a":[true,null,-2,0.5,"x"],"b":{}}"#, r#"{"b":1,"a":[true,null,-2,0.5,"x"],"b":{}}"#),
            (r#"{"token":"abc"}"#, r#"{"token":"***"}"#),
            (r#"{"TOKEN" : {"a":["b"]}, "x": 1}"#, r#"{"TOKEN":"***","x":1}"#),
            (r#"{"tok\u0065n":"abc"}"#, r#"{"token":"***"}"#),
            (r#"[[{"a":[{"password":7}]}]]"#, r#"[[{"a":[{"password":"***"}]}]]"#),
            (
                r#"{"auth":{"deviceToken":"abc","client_secret":"x"}}"#,
                r#"{"auth":{"deviceToken":"***","client_secret":"***"}}"#,
            ),
            (r#"{"inputTokens":12,"stated":"x"}"#, r#"{"inputTokens":12,"stated":"x"}"#),
            (
                r#"{"apiKey":"a","api-key":"b","X-Api-Key":"c"}"#,
                r#"{"apiKey":"***","api-key":"***","X-Api-Key":"***"}"#,
            ),
            (r#"{"Authorization":"Bearer a","Cookie":"a=b"}"#, r#"{"Authorization":"***","Cookie":"***"}"#),
            (
                r#"{"passwd":"a","private_key":"b","credentials":{"a":1},"key":"ArrowUp"}"#,
                r#"{"passwd":"***","private_key":"***","credentials":"***","key":"ArrowUp"}"#,
            ),
            // Names that are a part of a key, and keys that hold a secret themselves.
            (r#"{"auth[token]":"S","token.value":"S","a":1}"#, r#"{"auth[token]":"***","token.value":"***","a":1}"#),
            (r#"{"token\u0000":"S"}"#, r#"{"token\u0000":"***"}"#),
            (r#"{"https://x/?token=S":1}"#, r#"{"***":"***"}"#),
            (r#"{"{\"token\":\"S\"}":1}"#, r#"{"***":"***"}"#),
            // A name beside its value.
            (r#"[["Authorization","S"],["accept","x"]]"#, r#"[["Authorization","***"],["accept","x"]]"#),
            (r#"["token"]"#, r#"["token"]"#),
            (r#"["token",{"a":1},"b"]"#, r#"["token","***","b"]"#),
            (r#"[{"name":"Cookie","value":"S"}]"#, r#"[{"name":"Cookie","value":"***"}]"#),
            (r#"{"value":["S"],"x":1,"key":"apiKey"}"#, r#"{"value":"***","x":1,"key":"apiKey"}"#),
            (r#"{"name":"accept","value":"x"}"#, r#"{"name":"accept","value":"x"}"#),
            // Strings that show credentials.
            (r#"{"h":"Bearer S","u":"https://u:S@h/","c":"x --token S"}"#, r#"{"h":"***","u":"***","c":"***"}"#),
            // Strings that hold a URL, a form or JSON.
            (r#"{"url":"https://gw/?token=abc"}"#, r#"{"url":"***"}"#),
            (r#"{"url":"https://gw/?a=b"}"#, r#"{"url":"https://gw/?a=b"}"#),
            (r#"{"body":"{\"token\":\"abc\"}"}"#, r#"{"body":"***"}"#),
            (r#"{"body":"{\"tok\\u0065n\":\"abc\"}"}"#, r#"{"body":"***"}"#),
            (r#"{"body":"{\"x\":[1]}"}"#, r#"{"body":"{\"x\":[1]}"}"#),
            (r#"{"body":"{\"token\":\"ab"}"#, r#"{"body":"***"}"#),
            (r#""a word""#, r#""a word""#),
            (
                r#"{"say":"what a token is, and what a \"ticket\""}"#,
                r#"{"say":"what a token is, and what a \"ticket\""}"#,
            ),
            ("42", "42"),
        ] {
            assert_eq!(redactor().message(given), ShownText::Json(expected.to_owned()), "{given}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_shown_whole_or_not_at_all() {
        let deep = format!("{}{{\"token\":\"abc\"}}{}", "[".repeat(200), "]".repeat(200));
        for (given, expected) in [
            ("hello", ShownText::Plain),
            ("what a token is: a secret", ShownText::Plain),
            ("", ShownText::Plain),
            ("token=abc", ShownText::Hidden),
            ("deviceToken=abc", ShownText::Hidden),
            ("token: abc", ShownText::Hidden),
            ("Authorization: Bearer abc", ShownText::Hidden),
            ("X-Api-Key: abc", ShownText::Hidden),
            ("inputTokens: 12", ShownText::Plain),
            (r#"{"token":"abc"#, ShownText::Hidden),
            (r#"{"tok\u0065n":"abc"#, ShownText::Hidden),
            ("Bearer S", ShownText::Hidden),
            ("see https://u:S@h/", ShownText::Hidden),
            (r#"{"a":1}{"token":"abc"}"#, ShownText::Hidden),
            (r#"42["login",{"deviceToken":"abc"}]"#, ShownText::Hidden),
            // Deeper than a reader of JSON goes.
            (&deep, ShownText::Hidden),
        ] {
            assert_eq!(redactor().message(given), expected, "{given}");
        }
        let open = Redactor::new(&[]);
        assert_eq!(open.message("token=abc"), ShownText::Plain);
        assert_eq!(open.message(r#"{"token":"abc"}"#), ShownText::Json(r#"{"token":"abc"}"#.to_owned()));
    }

    #[test]
    fn json_in_json_is_looked_into_as_deep_as_the_stack_is() {
        // A quote and a backslash by their numbers: a layer does not double the one in it.
        let wrapped = |text: &str| text.replace('\\', "\\u005c").replace('"', "\\u0022");
        let nested = |layers: usize, arrays: usize| {
            (0..layers).fold(r#"{"a":1}"#.to_owned(), |text, _| {
                format!("{}\"{}\"{}", "[".repeat(arrays), wrapped(&text), "]".repeat(arrays))
            })
        };
        assert_eq!(
            redactor().message(&nested(4, 1)),
            ShownText::Json(nested(4, 1).replace("\\u0022", "\\\"").replace("\\u005c", "\\\\"))
        );
        for layers in [5, 60, 500] {
            let ShownText::Json(shown) = redactor().message(&nested(layers, 126)) else { panic!("{layers} layers") };
            assert!(shown.contains(HIDDEN) && !shown.contains('1'), "{layers} layers: {shown}");
        }
    }
}
