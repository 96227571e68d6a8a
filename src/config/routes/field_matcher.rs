//! [`FieldMatcher`]: what the value of a header field, a query key or a cookie must be.

use std::fmt;

use http::HeaderName;
use serde_json::{Value as Json, json};

use super::headers::may_be_secret;
use super::regex_pattern::{RegexPattern, RegexValue};
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, Mapping, NoValue, Optional, Quoted, WordOf};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::{MASK, SettingReader};

/// What the value of a field must be. `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FieldMatcher {
    /// The rule.
    pub(crate) rule: FieldRule,
    /// Whether the value may be a secret, and is not printed.
    hidden: bool,
}

/// What the value of a field must be.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum FieldRule {
    /// This text.
    Equal(String),
    /// Text that the expression matches.
    Regex(RegexPattern),
    /// Any text; or, if `false`, there must be no such field.
    Present(bool),
}

impl FieldMatcher {
    fn of(rule: FieldRule) -> Self {
        Self { rule, hidden: false }
    }
}

impl fmt::Debug for FieldMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The fields of `headers`, `query` or `cookies`.
pub(super) struct MatchedFields<N>(pub(super) N);

impl<N: KeyKind> MatchedFields<N>
where
    N::Value: PartialEq,
{
    fn mapping(&self) -> Mapping<&N, FieldMatcherValue> {
        Mapping(&self.0, FieldMatcherValue)
    }
}

impl<N: KeyKind> KeyKind for MatchedFields<N>
where
    N::Value: PartialEq + AsRef<str>,
{
    type Value = Vec<(N::Value, FieldMatcher)>;

    fn name(&self) -> String {
        self.mapping().name()
    }

    fn parse(&self, text: &str) -> Result<Self::Value, ValueError> {
        self.mapping().parse(text)
    }

    fn write(&self, value: &Self::Value) -> YamlText {
        self.mapping().write(value)
    }

    fn schema(&self) -> Json {
        self.mapping().schema()
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Self::Value> {
        let mut fields = self.mapping().read(node, at)?;
        for (name, matcher) in &mut fields {
            matcher.hidden = may_be_secret(&name.as_ref().to_ascii_lowercase());
        }
        Some(fields)
    }
}

/// The kind of a field's value: text, or the long form.
struct FieldMatcherValue;

const LONG: Keyed<FieldLong> = Keyed::NEW;

impl KeyKind for FieldMatcherValue {
    type Value = FieldMatcher;

    fn name(&self) -> String {
        format!("text or {}", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<FieldMatcher, ValueError> {
        if text == MASK {
            return Err(ValueError::new("the value was masked when it was printed").hint("write the value itself"));
        }
        // The value is not repeated in the message: it may be a secret.
        if text.contains(|letter: char| letter.is_control()) || text.trim() != text {
            let fault = ValueError::new("no request has this value");
            return Err(fault.hint("text on one line, without spaces around it"));
        }
        Ok(FieldMatcher::of(FieldRule::Equal(text.to_owned())))
    }

    fn write(&self, value: &FieldMatcher) -> YamlText {
        match &value.rule {
            FieldRule::Present(present) => LONG.write(&FieldLong { present: Some(*present), ..FieldLong::default() }),
            FieldRule::Equal(_) | FieldRule::Regex(_) if value.hidden => YamlText::Word(MASK.to_owned()),
            FieldRule::Equal(text) => YamlText::Word(text.clone()),
            FieldRule::Regex(regex) => LONG.write(&FieldLong { regex: Some(regex.clone()), ..FieldLong::default() }),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<FieldMatcher> {
        if let ConfigValue::Map(_) = node.value {
            let FieldLong { regex, present } = LONG.read(node, at)?;
            return regex.map(FieldRule::Regex).or(present.map(FieldRule::Present)).map(FieldMatcher::of);
        }
        if at.is_masked(&node.value) {
            return Some(FieldMatcher::of(FieldRule::Equal(MASK.to_owned())));
        }
        at.word(node, self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct FieldLong {
    regex: Option<RegexPattern>,
    present: Option<bool>,
}

impl KeySection for FieldLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("regex", Optional(NoValue::Null, RegexValue), &mut self.regex, "What the value matches.");
        keys.key(
            "present",
            Optional(NoValue::Null, WordOf::SWITCH),
            &mut self.present,
            "Whether it is there, whatever its value.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        match (&self.regex, self.present) {
            (None, None) => {
                let fault = ValueError::new("no value");
                checks.report(&["regex"], fault.hint("text, { regex: '^a' } or { present: true }"));
            }
            (Some(_), Some(_)) => {
                let fault = ValueError::new("what an expression matches is present anyway");
                checks.report(&["present", "regex"], fault.hint("remove `present`"));
            }
            _ => {}
        }
    }
}

/// The kind of the name of a header field that a request is recognized by.
pub(super) struct MatchedHeader;

impl KeyKind for MatchedHeader {
    type Value = HeaderName;

    fn name(&self) -> String {
        "header name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
            let fault = ValueError::new(format!("{} is not the name of a header", Quoted(text)));
            fault.hint("letters, digits and hyphens, without the colon")
        })?;
        Ok(name)
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }
}

/// The kind of a query key's or cookie's name.
pub(super) struct MatchedName {
    /// What it names, for messages.
    pub(super) of: &'static str,
    /// Characters that no such name has.
    pub(super) without: &'static [char],
}

impl MatchedName {
    /// A key of the query, decoded.
    pub(super) const QUERY: Self = Self { of: "key of a query", without: &[] };
    /// A cookie.
    pub(super) const COOKIE: Self = Self { of: "cookie", without: &['=', ';', ',', ' ', '"'] };
}

impl KeyKind for MatchedName {
    type Value = String;

    fn name(&self) -> String {
        self.of.to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if text.is_empty() || text.contains(self.without) || text.contains(|letter: char| letter.is_control()) {
            return Err(ValueError::new(format!("{} is not the name of a {}", Quoted(text), self.of)));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
