//! [`RouteRedirect`]: a redirect whose place is made of the request.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::template::{LocationTemplate, TemplateValue};
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, NoValue, Optional, Quoted};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// A redirect whose place is made of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteRedirect {
    /// The status code.
    pub(crate) status: StatusCode,
    /// Where it goes.
    pub(crate) to: LocationTemplate,
}

/// The kind of `redirect`: `to`, or the long form.
pub(super) struct RedirectValue;

const LONG: Keyed<RedirectLong> = Keyed::NEW;

impl KeyKind for RedirectValue {
    type Value = RouteRedirect;

    fn name(&self) -> String {
        format!("URL or {}", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<RouteRedirect, ValueError> {
        TemplateValue.parse(text).map(|to| RouteRedirect { status: StatusCode::FOUND, to })
    }

    fn write(&self, value: &RouteRedirect) -> YamlText {
        let RouteRedirect { status, to } = value.clone();
        LONG.write(&RedirectLong { to: Some(to), status })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [TemplateValue.schema(), LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<RouteRedirect> {
        if let ConfigValue::Map(_) = node.value {
            let RedirectLong { to, status } = LONG.read(node, at)?;
            return Some(RouteRedirect { status, to: to? });
        }
        at.word(node, self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RedirectLong {
    to: Option<LocationTemplate>,
    status: StatusCode,
}

impl Default for RedirectLong {
    fn default() -> Self {
        Self { to: None, status: StatusCode::FOUND }
    }
}

impl KeySection for RedirectLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("to", Optional(NoValue::Null, TemplateValue), &mut self.to, "Where it goes.");
        keys.key("status", RedirectStatus, &mut self.status, "The status.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.to.is_none() {
            let fault = ValueError::new("`to` is missing");
            checks.report(&["to"], fault.hint("such as { to: \"/new/$1\", status: 302 }"));
        }
    }
}

struct RedirectStatus;

impl KeyKind for RedirectStatus {
    type Value = StatusCode;

    fn name(&self) -> String {
        "status".to_owned()
    }

    fn parse(&self, text: &str) -> Result<StatusCode, ValueError> {
        let status = REDIRECTS.into_iter().find(|status| status.as_str() == text);
        status.ok_or_else(|| {
            ValueError::new(format!("{} is not the status of a redirect", Quoted(text)))
                .hint("301, 302, 303, 307 or 308")
        })
    }

    fn write(&self, value: &StatusCode) -> YamlText {
        YamlText::Number(value.as_u16().into())
    }

    fn schema(&self) -> Json {
        json!({ "enum": REDIRECTS.map(|status| status.as_u16()) })
    }
}

/// The statuses whose `Location` browsers follow (RFC 9110 §15.4).
const REDIRECTS: [StatusCode; 5] = [
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];
