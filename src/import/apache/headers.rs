//! `mod_headers`: `RequestHeader` and `Header`.

use std::time::Duration;

use super::Apache;
use super::scope::Here;
use crate::config::Hsts;
use crate::import::draft::DraftHeaderRules;
use crate::import::fields::{self, Content, FieldDisposition};
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    pub(super) fn request_header(&mut self, node: &ImportNode, here: &mut Here) {
        let Some((name, content)) = self.field(node) else { return };
        let disposition = fields::request(&name, content.content());
        if disposition == FieldDisposition::User {
            here.section.user_header = Some(name.clone());
        }
        self.put(node, &name, &disposition, &mut here.section.request_headers, "request_headers");
    }

    pub(super) fn response_header(&mut self, node: &ImportNode, here: &mut Here) {
        let Some((name, content)) = self.field(node) else { return };
        let disposition = fields::response(&name, content.content());
        self.put(node, &name, &disposition, &mut here.section.response_headers, "response_headers");
    }

    fn put(
        &mut self,
        node: &ImportNode,
        name: &str,
        disposition: &FieldDisposition,
        rules: &mut DraftHeaderRules,
        key: &str,
    ) {
        let (place, shown) = (&node.place, &node.shown);
        match disposition {
            FieldDisposition::NotNeeded(why) => self.report.not_needed(place, shown, *why),
            FieldDisposition::Wrong(instead) => self.report.wrong(place, shown, *instead),
            FieldDisposition::Dropped(remedy) => self.report.dropped(place, shown, *remedy),
            FieldDisposition::User => {
                self.report.kept(place, shown, "auth: user_header, where the route asks for a password");
            }
            FieldDisposition::Hsts(seconds) => {
                self.draft.tls.hsts = Some(Hsts::For(Duration::from_secs(*seconds)));
                let more = node.arg(if node.arg(0).eq_ignore_ascii_case("always") { 3 } else { 2 }).contains(';');
                let what = if more {
                    "tls.hsts, for frontgate's own names without includeSubDomains and preload"
                } else {
                    "tls.hsts"
                };
                self.report.kept(place, shown, what);
            }
            FieldDisposition::Set(_) => {
                fields::put(rules, name, disposition);
                self.report.kept(place, shown, format!("{key}: set"));
                if fields::is_secret(name) {
                    let text = "every client of frontgate is given this secret on the way: let the clients have secrets of their own";
                    self.report.wrong(place, shown, text);
                }
            }
            FieldDisposition::Remove => {
                fields::put(rules, name, disposition);
                self.report.kept(place, shown, format!("{key}: remove"));
            }
        }
    }

    /// The name of the field and what it gets; `None` when the report says it already.
    fn field(&mut self, node: &ImportNode) -> Option<(String, ApacheFieldUse)> {
        let mut words: Vec<&str> = node.args.iter().map(String::as_str).collect();
        words.retain(|word| !["always", "onsuccess", "early"].iter().any(|skipped| word.eq_ignore_ascii_case(skipped)));
        let (place, shown) = (&node.place, &node.shown);
        let condition = words
            .iter()
            .position(|word| word.starts_with("env=") || word.starts_with("expr=") && !word.contains("%{REMOTE"));
        let (Some(action), Some(name)) = (words.first(), words.get(1)) else {
            self.report.dropped(place, shown, "it names no field");
            return None;
        };
        let value = words.get(2).copied().unwrap_or_default();
        let name = name.trim_end_matches(':').to_owned();
        let action = action.to_ascii_lowercase();
        // Header edit Set-Cookie "^(.*)$" "$1; Secure", and X-Forwarded-* under a condition.
        let forwarding = matches!(fields::request(&name, Content::Other), FieldDisposition::NotNeeded(_))
            && node.name == "requestheader";
        if condition.is_some_and(|at| at > 1) && !forwarding {
            self.report.dropped(
                place,
                shown,
                "a field is set for every request of a route, or for none: make a route for it",
            );
            return None;
        }
        match action.as_str() {
            "unset" => Some((name, ApacheFieldUse::Nothing)),
            "set" | "setifempty" | "add" | "append" | "merge" => {
                let owned = ApacheFieldUse::of(value);
                if action != "set" && matches!(owned, ApacheFieldUse::Text(_)) && !forwarding {
                    self.report.kept(place, shown, "set, in place of what is there");
                }
                Some((name, owned))
            }
            _ => {
                self.report.dropped(
                    place,
                    shown,
                    "a field is set or removed, not changed: let the gateway send what is wanted",
                );
                None
            }
        }
    }
}

/// What a field gets.
enum ApacheFieldUse {
    Text(String),
    Client,
    User,
    Host,
    Field(String),
    Other,
    Nothing,
}

impl ApacheFieldUse {
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
                    None if value.contains("%{") || lower.starts_with("expr=") => Self::Other,
                    None => Self::Text(value.replace("%%", "%")),
                }
            }
        }
    }

    fn content(&self) -> Content<'_> {
        match self {
            Self::Text(text) => Content::Text(text),
            Self::Client => Content::Client,
            Self::User => Content::User,
            Self::Host => Content::Host,
            Self::Field(name) => Content::Field(name),
            Self::Other => Content::Other,
            Self::Nothing => Content::Nothing,
        }
    }
}
