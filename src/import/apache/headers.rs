//! `mod_headers`: `RequestHeader` and `Header`.

use std::time::Duration;

use super::Apache;
use super::access::origin_of;
use super::scope::{FieldValue, HeaderChange};
use crate::config::Hsts;
use crate::import::fields::{self, FieldDisposition};
use crate::import::node::ImportNode;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Part};

impl HeaderChange {
    /// Reads a directive; `None` where it names no field.
    pub(super) fn of(node: &ImportNode) -> Option<Self> {
        let of_request = node.name == "requestheader";
        let skipped =
            |word: &&String| ["always", "onsuccess", "early"].iter().any(|skip| word.eq_ignore_ascii_case(skip));
        let words: Vec<&String> = node.args.iter().filter(|word| !skipped(word)).collect();
        let action = words.first()?.to_ascii_lowercase();
        let name = words.get(1)?.trim_end_matches(':').to_owned();
        let value = words.get(2).map_or("", |word| word.as_str());
        let takes_value = action != "unset";
        let conditions = words.get(if takes_value { 3 } else { 2 }..).unwrap_or_default();
        let value = if takes_value { FieldValue::of(value) } else { FieldValue::Nothing };
        let early = node.args.iter().any(|word| word.eq_ignore_ascii_case("early"));
        let replaces = matches!(action.as_str(), "set" | "unset");
        let lost = match action.as_str() {
            _ if !conditions.is_empty() => {
                Some("a field is set for every request of a route, or for none: make a route for it")
            }
            "set" | "unset" => None,
            "setifempty" | "add" | "append" | "merge" if !of_request => None,
            "setifempty" | "add" | "append" | "merge" => {
                Some("a field of requests is set or removed, and nothing is added to what a client sends")
            }
            _ => Some("a field is set or removed, not changed: let the gateway send what is wanted"),
        };
        Some(Self { origin: origin_of(node), of_request, name, value, lost, early, replaces })
    }
}

impl FieldValue {
    fn of(value: &str) -> Self {
        let lower = value.to_ascii_lowercase();
        let inner = lower.strip_prefix("expr=").unwrap_or(&lower);
        match inner {
            "%{remote_addr}s" | "%{remote_addr}e" | "%{remote_addr}" => Self::Client,
            "%{remote_user}s" | "%{remote_user}e" | "%{remote_user}" | "%{rewrite_remote_user}e" | "%{ru}e" => {
                Self::User
            }
            "%{http_host}s" | "%{http_host}e" | "%{http_host}" => Self::Host,
            _ => {
                let field = inner.strip_prefix("%{http:").and_then(|rest| rest.trim_end_matches('s').strip_suffix('}'));
                match field {
                    Some(field) => Self::Field(field.to_owned()),
                    None if value.contains("%{") || lower.starts_with("expr=") || value.contains("%t") => Self::Other,
                    None => Self::Text(value.replace("%%", "%")),
                }
            }
        }
    }
}

impl Apache<'_, '_> {
    /// Puts the changes of fields into a rule, in their order.
    pub(super) fn put_headers(&mut self, changes: &[HeaderChange], rule: &mut ImportRule) {
        let early = changes.iter().filter(|change| change.early);
        for change in early.chain(changes.iter().filter(|change| !change.early)) {
            let HeaderChange { origin, of_request, name, value, lost, replaces, .. } = change;
            if *of_request && *replaces {
                let same = |part: &Part| matches!(part, Part::UserHeader(other) if other.eq_ignore_ascii_case(name));
                rule.said.retain(|said| !same(&said.part));
            }
            let disposition = if *of_request {
                fields::request(name, value.content())
            } else {
                fields::response(name, value.content())
            };
            let part =
                || if *of_request { Part::RequestHeader(name.clone()) } else { Part::ResponseHeader(name.clone()) };
            let rules = if *of_request { &mut rule.route.request_headers } else { &mut rule.route.response_headers };
            let remark = |verdict, text: &str| Part::Remark(verdict, text.to_owned());
            match &disposition {
                FieldDisposition::NotNeeded(why) => rule.say(origin, remark(ImportVerdict::NotNeeded, why)),
                FieldDisposition::Wrong(instead) => rule.say(origin, remark(ImportVerdict::Wrong, instead)),
                _ if lost.is_some() || matches!(disposition, FieldDisposition::Dropped(_)) => {
                    let text = match (lost, &disposition) {
                        (Some(text), _) | (None, FieldDisposition::Dropped(text)) => *text,
                        _ => "",
                    };
                    // What the old proxy wrote over is not the client's to say.
                    if *of_request && *replaces && !name.to_ascii_lowercase().starts_with("x-forwarded-") {
                        fields::put(rules, name, &FieldDisposition::Remove);
                        let text = format!("{text}; {name} of a client is removed on the way");
                        rule.say(origin, remark(ImportVerdict::Dropped, &text));
                    } else {
                        rule.say(origin, remark(ImportVerdict::Dropped, text));
                    }
                }
                FieldDisposition::Dropped(_) => {}
                FieldDisposition::User => rule.say(origin, Part::UserHeader(name.clone())),
                FieldDisposition::Hsts(seconds) => {
                    self.draft.tls.hsts = Some(Hsts::For(Duration::from_secs(*seconds)));
                    let more = matches!(value, FieldValue::Text(text) if text.contains(';'));
                    let what = if more {
                        "tls.hsts, for frontgate's own names without includeSubDomains and preload"
                    } else {
                        "tls.hsts"
                    };
                    self.report.kept(&origin.place, &origin.shown, what);
                }
                FieldDisposition::Set(_) | FieldDisposition::Remove => {
                    fields::put(rules, name, &disposition);
                    rule.say(origin, part());
                    if fields::is_secret(name) && matches!(disposition, FieldDisposition::Set(_)) && *of_request {
                        rule.say(origin, remark(ImportVerdict::Wrong, SECRET));
                    }
                }
            }
        }
    }
}

const SECRET: &str =
    "every client of frontgate is given this secret on the way: let the clients have secrets of their own";

#[cfg(test)]
mod tests {
    use super::super::syntax::tests::node;
    use super::*;

    #[test]
    fn fields_are_read_with_what_they_get() {
        for (line, expected, is_lost) in [
            ("RequestHeader set X-A b", FieldValue::Text("b".into()), false),
            ("RequestHeader set X-A b env=C", FieldValue::Text("b".into()), true),
            ("RequestHeader add X-A b", FieldValue::Text("b".into()), true),
            ("RequestHeader unset X-A early", FieldValue::Nothing, false),
            ("RequestHeader set X-U expr=%{REMOTE_USER}", FieldValue::User, false),
            ("RequestHeader set X-U %{REMOTE_USER}s", FieldValue::User, false),
            ("Header always set X-A \"%{SSL_X}e\"", FieldValue::Other, false),
            ("Header edit Set-Cookie ^ x", FieldValue::Text("^".into()), true),
        ] {
            let found = HeaderChange::of(&node(line)).unwrap();
            assert_eq!((found.value, found.lost.is_some()), (expected, is_lost), "{line}");
        }
    }
}
