//! Secrets in text that may be JSON: the payload of a message on a WebSocket.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{HIDDEN, Redactor, assigned, decoded};

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
    /// (`deviceToken`), and a string if it is itself JSON or a URL with such a value.
    pub(crate) fn message(&self, text: &str) -> ShownText {
        match self.copy(text) {
            Some(copy) => ShownText::Json(copy.out),
            None if self.may_hold_secret(text) => ShownText::Hidden,
            None => ShownText::Plain,
        }
    }

    fn copy(&self, text: &str) -> Option<JsonCopy<'_>> {
        let mut copy = JsonCopy { redactor: self, out: String::with_capacity(text.len()), hidden: false };
        let mut json = serde_json::Deserializer::from_str(text);
        copy.deserialize(&mut json).and_then(|()| json.end()).ok()?;
        Some(copy)
    }

    fn is_secret_key(&self, key: &str) -> bool {
        !self.names.is_empty() && (self.names(key.as_bytes()) || is_credential(key))
    }

    /// Whether text that is not JSON may hold a secret. A cut or broken JSON text may spell a name in escapes.
    fn may_hold_secret(&self, text: &str) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let decoded = decoded(text.as_bytes());
        // The name may have `_` or `-` in it, and that of a header field has a bare `:` behind it.
        let letters: Vec<u8> = decoded.iter().copied().filter(|byte| !b"_-".contains(byte)).collect();
        let assigns = |word: &str| {
            let mut windows = letters.windows(word.len()).enumerate();
            windows.any(|(at, window)| {
                let rest = &letters[at + word.len()..];
                window.eq_ignore_ascii_case(word.as_bytes()) && (assigned(rest) || rest.starts_with(b":"))
            })
        };
        text.contains("\\u") || self.assigns(&decoded) || CREDENTIALS.into_iter().any(assigns)
    }
}

/// A JSON text that is copied, in its order, without its secrets.
struct JsonCopy<'a> {
    redactor: &'a Redactor,
    out: String,
    /// Whether anything was hidden.
    hidden: bool,
}

impl JsonCopy<'_> {
    fn push(&mut self, value: impl Into<serde_json::Value>) {
        self.out.push_str(&value.into().to_string());
    }

    fn hide(&mut self) {
        self.hidden = true;
        self.push(HIDDEN);
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
        let is_secret = match self.redactor.copy(value) {
            Some(nested) => nested.hidden,
            None => self.redactor.may_hold_secret(value),
        };
        if is_secret {
            self.hide();
        } else {
            self.push(value);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push('[');
        let begin = self.out.len();
        loop {
            let before = self.out.len();
            if before > begin {
                self.out.push(',');
            }
            if items.next_element_seed(&mut *self)?.is_none() {
                self.out.truncate(before);
                break;
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.out.push('{');
        let begin = self.out.len();
        while let Some(key) = members.next_key::<String>()? {
            if self.out.len() > begin {
                self.out.push(',');
            }
            self.push(key.as_str());
            self.out.push(':');
            if self.redactor.is_secret_key(&key) {
                members.next_value::<IgnoredAny>()?;
                self.hide();
            } else {
                members.next_value_seed(&mut *self)?;
            }
        }
        self.out.push('}');
        Ok(())
    }
}

/// Words with which the name of a credential ends, in any case.
const CREDENTIALS: [&str; 14] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "ticket",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authorization",
    "cookie",
    "jwt",
    "credential",
];

/// Whether the last word of a key says that its value is a credential: `deviceToken`, `api-key`, `session_cookies`. Tokens are
/// what models count.
fn is_credential(key: &str) -> bool {
    let letters: String = key.chars().filter(|c| !"_- ".contains(*c)).flat_map(char::to_lowercase).collect();
    let word = if letters.ends_with("tokens") { &letters } else { letters.strip_suffix('s').unwrap_or(&letters) };
    CREDENTIALS.iter().any(|credential| word.ends_with(credential))
}

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
}
