//! [`HeaderRules`]: header fields that a route sets or removes.

use http::{HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{List, Mapping, Quoted};
use crate::config::node::ConfigNode;
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// Header fields that a route sets or removes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderRules {
    /// Fields to set, replacing any of that name. Values that may be secrets are marked as sensitive.
    pub(crate) set: Vec<(HeaderName, HeaderValue)>,
    /// Fields to remove.
    pub(crate) remove: Vec<HeaderName>,
}

/// The kind of the rules for requests.
pub(super) struct RequestHeaders<'a>(pub(super) &'a mut HeaderRules);

/// The kind of the rules for responses.
pub(super) struct ResponseHeaders<'a>(pub(super) &'a mut HeaderRules);

impl KeySection for RequestHeaders<'_> {
    fn keys(&mut self, keys: &mut dyn Keys) {
        let set = "Fields that every request has from here on, in place of the client's: static text.";
        keys.key("set", HeaderFields(RuleField::Request), &mut self.0.set, set);
        keys.key("remove", List(RuleField::Request), &mut self.0.remove, "Fields that no request has from here on.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        check(self.0, checks);
    }
}

impl KeySection for ResponseHeaders<'_> {
    fn keys(&mut self, keys: &mut dyn Keys) {
        let set = "Fields that every answer has, in place of the gateway's: static text.";
        keys.key("set", HeaderFields(RuleField::Response), &mut self.0.set, set);
        keys.key("remove", List(RuleField::Response), &mut self.0.remove, "Fields that no answer has.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        check(self.0, checks);
    }
}

fn check(rules: &HeaderRules, checks: &mut SectionChecks<'_>) {
    for (index, name) in rules.remove.iter().enumerate() {
        if rules.set.iter().all(|(set, _)| set != name) {
            continue;
        }
        let fault = ValueError::new(format!("`{name}` is set and removed"));
        checks.report_read(
            &[&format!("remove[{index}]"), "remove"],
            fault.hint("what is set takes the place of what came"),
        );
    }
}

/// Parses the name of the header that tells the gateway the user.
pub(in crate::config) fn identity_field(text: &str) -> Result<HeaderName, ValueError> {
    RuleField::Identity.parse(text)
}

/// The kind of a header field that never passes from a client.
pub(in crate::config) struct StrippedName;

impl KeyKind for StrippedName {
    type Value = HeaderName;

    fn name(&self) -> String {
        RuleField::Stripped.name()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        RuleField::Stripped.parse(text)
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        RuleField::Stripped.write(value)
    }

    fn schema(&self) -> Json {
        RuleField::Stripped.schema()
    }
}

/// The kind of header fields and their values.
struct HeaderFields(RuleField);

impl HeaderFields {
    fn mapping(&self) -> Mapping<RuleField, RuleFieldValue> {
        Mapping(self.0, RuleFieldValue)
    }
}

impl KeyKind for HeaderFields {
    type Value = Vec<(HeaderName, HeaderValue)>;

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
        for (name, value) in &mut fields {
            value.set_sensitive(may_be_secret(name.as_str()));
        }
        Some(fields)
    }
}

/// Whether the value of a field of this name may be a credential.
pub(super) fn may_be_secret(name: &str) -> bool {
    ["auth", "cookie", "token", "secret", "key", "password", "passwd", "session", "ticket"]
        .iter()
        .any(|word| name.contains(word))
}

/// The kind of a header field's name. The variant is the rule that names it, since each may touch other fields.
#[derive(Clone, Copy)]
enum RuleField {
    Request,
    Identity,
    Stripped,
    Response,
}

impl KeyKind for RuleField {
    type Value = HeaderName;

    fn name(&self) -> String {
        "header name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
            let fault = ValueError::new(format!("{} is not the name of a header", Quoted(text)));
            fault.hint("letters, digits and hyphens, without the colon")
        })?;
        let why = match self {
            Self::Request => not_in_requests(name.as_str()),
            Self::Identity => not_for_identity(name.as_str()),
            Self::Stripped => not_stripped(name.as_str()),
            Self::Response => not_in_answers(name.as_str()),
        };
        match why {
            Some((why, hint)) => Err(ValueError::new(format!("{} {why}", Quoted(text))).hint(hint)),
            None => Ok(name),
        }
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }
}

/// Why no rule may touch a field, and what to do instead.
type UntouchableField = Option<(&'static str, &'static str)>;

fn not_in_requests(name: &str) -> UntouchableField {
    match name {
        "host" => Some(("goes on as the client sent it", "the gateway compares it with the page's origin")),
        _ if name.starts_with("x-forwarded") || matches!(name, "x-real-ip" | "forwarded") => {
            Some(("is set by forwarding", "`forwarded.headers` says which of them the gateway gets"))
        }
        _ if name.starts_with("x-client-cert-") => {
            Some(("is set from the client's certificate", "no other client may claim that certificate"))
        }
        _ => not_at_all(name),
    }
}

/// `X-Forwarded-User` and the like name the user; forwarding does not set them.
fn not_for_identity(name: &str) -> UntouchableField {
    match name {
        "authorization" | "cookie" => Some(("is the client's own", "such as X-Forwarded-User")),
        "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host" | "x-forwarded-port" => not_in_requests(name),
        _ if name.starts_with("x-forwarded-") => None,
        _ => not_in_requests(name),
    }
}

/// A field that is stripped already may be named once more; a field that a request needs may not.
fn not_stripped(name: &str) -> UntouchableField {
    match name {
        "authorization" | "cookie" => {
            Some(("is the client's own", "`request_headers: { remove: […] }` of a route takes it away"))
        }
        _ if name.starts_with("x-client-cert-") => None,
        _ => not_for_identity(name),
    }
}

fn not_in_answers(name: &str) -> UntouchableField {
    match name {
        "strict-transport-security" => Some(("is set by `tls.hsts`", "tls: { hsts: 365d }, or off")),
        _ => not_at_all(name),
    }
}

/// The hop-by-hop fields of RFC 9110 §7.6.1, and the fields that frame a message or make up a WebSocket's handshake.
fn not_at_all(name: &str) -> UntouchableField {
    let hop = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"];
    if hop.contains(&name) || name.starts_with("proxy-") {
        return Some(("belongs to one connection and never passes", "frontgate forwards upgrades by itself"));
    }
    if name.starts_with("sec-websocket-") {
        return Some(("belongs to the WebSocket's handshake", "it passes as it comes"));
    }
    (name == "content-length").then_some(("says where the body ends", "it passes as it comes"))
}

/// The kind of a field's value.
struct RuleFieldValue;

/// What a printed configuration shows instead of a secret.
const MASK: &str = "***";

impl KeyKind for RuleFieldValue {
    type Value = HeaderValue;

    fn name(&self) -> String {
        "text".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderValue, ValueError> {
        if text == MASK {
            return Err(ValueError::new("the value was masked when it was printed").hint("write the value itself"));
        }
        // The value is not repeated in the message: it may be a secret.
        let value = HeaderValue::try_from(text).ok().filter(|value| value.to_str().is_ok() && text.trim() == text);
        value.ok_or_else(|| ValueError::new("not the value of a header").hint("printable ASCII on one line"))
    }

    fn write(&self, value: &HeaderValue) -> YamlText {
        let text = if value.is_sensitive() { MASK } else { value.to_str().unwrap_or(MASK) };
        YamlText::Word(text.to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string" })
    }
}
