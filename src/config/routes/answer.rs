//! [`RouteAnswer`]: a fixed answer of a route.

use http::{HeaderValue, StatusCode};
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, NoValue, Optional, Quoted, TextValue};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// A fixed answer that a route gives instead of forwarding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAnswer {
    /// The status code.
    pub(crate) status: StatusCode,
    /// The `Location` of a redirect.
    pub(crate) location: Option<HeaderValue>,
    /// The body, as plain text.
    pub(crate) body: Option<String>,
}

impl RouteAnswer {
    /// The answer that is none: the connection is closed instead, as nginx does.
    pub(crate) const CLOSE: u16 = 444;

    /// Whether the answer keeps what is there from the client: a request that gets it is refused.
    pub(crate) fn refuses(&self) -> bool {
        self.status.as_u16() >= 400
    }

    /// Whether the connection is closed without an answer.
    pub(crate) fn closes(&self) -> bool {
        self.status.as_u16() == Self::CLOSE
    }
}

/// The kind of `respond`: a status, or the long form.
pub(super) struct RespondValue;

const LONG: Keyed<RespondLong> = Keyed::NEW;

impl KeyKind for RespondValue {
    type Value = RouteAnswer;

    fn name(&self) -> String {
        format!("status or {}", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<RouteAnswer, ValueError> {
        let status = RespondStatus.parse(text)?;
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let fault = ValueError::new("a redirect needs a place to go to");
            return Err(fault.hint(format!("{{ status: {}, location: /openclaw/ }}", status.as_u16())));
        }
        Ok(RouteAnswer { status, location: None, body: None })
    }

    fn write(&self, value: &RouteAnswer) -> YamlText {
        let RouteAnswer { status, location, body } = value.clone();
        if location.is_none() && body.is_none() {
            return RespondStatus.write(&status);
        }
        LONG.write(&RespondLong { status: Some(status), location, body })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [RespondStatus.schema(), LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<RouteAnswer> {
        if let ConfigValue::Map(_) = node.value {
            let RespondLong { status, location, body } = LONG.read(node, at)?;
            return Some(RouteAnswer { status: status?, location, body });
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct RespondLong {
    status: Option<StatusCode>,
    location: Option<HeaderValue>,
    body: Option<String>,
}

impl KeySection for RespondLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("status", Optional(NoValue::Null, RespondStatus), &mut self.status, "The status.");
        keys.key("location", Optional(NoValue::Null, Location), &mut self.location, "Where a redirect goes.");
        keys.key("body", Optional(NoValue::Null, TextValue), &mut self.body, "Plain text.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let Some(status) = self.status else {
            let fault = ValueError::new("`status` is missing");
            return checks.report(&["status"], fault.hint("such as { status: 302, location: /openclaw/ }"));
        };
        if status.as_u16() == RouteAnswer::CLOSE && (self.location.is_some() || self.body.is_some()) {
            let fault = ValueError::new("444 closes the connection, and sends nothing");
            return checks.report(&["body", "location", "status"], fault.hint("another status, such as 403"));
        }
        let redirects = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
        if redirects && self.location.is_none() {
            let fault = ValueError::new("a redirect needs a place to go to");
            checks.report(&["status", "location"], fault.hint("add `location: /openclaw/`"));
        } else if !redirects && self.location.is_some() && status != StatusCode::CREATED {
            let fault = ValueError::new("no browser follows the location of this status");
            checks.report(&["location", "status"], fault.hint("302 or 308 make a redirect"));
        }
        if self.body.is_some() && matches!(status.as_u16(), 204 | 205 | 304) {
            checks.report(&["body", "status"], ValueError::new(format!("an answer {} has no body", status.as_u16())));
        }
    }
}

struct RespondStatus;

impl KeyKind for RespondStatus {
    type Value = StatusCode;

    fn name(&self) -> String {
        "status".to_owned()
    }

    fn parse(&self, text: &str) -> Result<StatusCode, ValueError> {
        let number = text.parse::<u16>().ok().filter(|number| (200..600).contains(number));
        let status = number.and_then(|number| StatusCode::from_u16(number).ok());
        status.ok_or_else(|| {
            ValueError::new(format!("{} is not a status", Quoted(text))).hint("a number from 200 to 599, such as 404")
        })
    }

    fn write(&self, value: &StatusCode) -> YamlText {
        YamlText::Number(value.as_u16().into())
    }

    fn schema(&self) -> Json {
        json!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }
}

struct Location;

impl KeyKind for Location {
    type Value = HeaderValue;

    fn name(&self) -> String {
        "URL or path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderValue, ValueError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let fault = ValueError::new(format!("{} is not a place to go to", Quoted(text)));
            return Err(fault.hint("such as /openclaw/ or https://gw.example.com/; what is not ASCII is written as %…"));
        }
        if text.contains('$') {
            let fault = ValueError::new(format!("{} has a variable", Quoted(text)));
            return Err(fault.hint("it is sent as it is written; `%24` stands for a dollar"));
        }
        HeaderValue::try_from(text).map_err(|_| ValueError::new("not a place to go to"))
    }

    fn write(&self, value: &HeaderValue) -> YamlText {
        YamlText::Word(value.to_str().unwrap_or_default().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
