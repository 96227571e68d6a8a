//! `upstreams.NAME.sticky`: a cookie that leads a client back to its gateway.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, YamlText};
use crate::config::kinds::{DurationValue, Quoted};
use crate::config::problem::ValueError;

/// A cookie that leads a client back to its gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sticky {
    /// Its name.
    pub(crate) cookie: String,
    /// How long a client that does not come back is remembered.
    pub(crate) ttl: Duration,
}

impl Default for Sticky {
    fn default() -> Self {
        Self { cookie: "frontgate".to_owned(), ttl: Duration::from_hours(12) }
    }
}

impl KeySection for Sticky {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "cookie",
            StickyName,
            &mut self.cookie,
            "The name of the cookie. It is sealed, and the gateway does not get it; two groups that serve one host need two names.",
        );
        keys.key(
            "ttl",
            DurationValue { at_least: Duration::from_mins(1), at_most: LONGEST },
            &mut self.ttl,
            "How long a client that does not come back is remembered. A client that comes gets a new cookie when half of the time is over.",
        );
    }
}

/// The name of a cookie (RFC 6265 §4.1.1).
struct StickyName;

impl KeyKind for StickyName {
    type Value = String;

    fn name(&self) -> String {
        "cookie name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !(1..=LONGEST_NAME).contains(&text.len()) || !text.bytes().all(letter) {
            let fault = ValueError::new(format!("{} is not the name of a cookie", Quoted(text)));
            return Err(fault.hint(format!("letters, digits, `-` and `_`, at most {LONGEST_NAME}")));
        }
        if text.get(..LOGINS.len()).is_some_and(|start| start.eq_ignore_ascii_case(LOGINS)) {
            let fault = ValueError::new(format!("cookies that begin with {LOGINS} are those of logins"));
            return Err(fault.hint("such as frontgate"));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$" })
    }
}

/// The keys that seal cookies are kept for two months.
const LONGEST: Duration = Duration::from_hours(30 * 24);
const LONGEST_NAME: usize = 64;
const LOGINS: &str = "__Host-frontgate";
