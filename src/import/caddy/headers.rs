//! Fields of requests and answers: `header`, `request_header`, `header_up` and `header_down`.

use std::time::Duration;

use super::Caddy;
use crate::config::Hsts;
use crate::import::fields::{self, Content, FieldDisposition};
use crate::import::node::ImportNode;
use crate::import::paths::ImportSection;

impl Caddy {
    /// `header` and `request_header`: one field behind the name, or several in a block.
    pub(super) fn headers(&mut self, node: &ImportNode, is_request: bool, change: &mut ImportSection) {
        let key = if is_request { "request_headers" } else { "response_headers" };
        if node.body.is_some() && node.args.is_empty() {
            self.report.kept(&node.place, &node.shown, key);
        }
        let single = (!node.args.is_empty()).then_some(node);
        for line in single.into_iter().chain(node.inner()) {
            let words: Vec<&str> = match single {
                Some(_) if std::ptr::eq(line, node) => line.args.iter().map(String::as_str).collect(),
                _ => std::iter::once(line.name.as_str()).chain(line.args.iter().map(String::as_str)).collect(),
            };
            self.field(line, &words, is_request, change);
        }
    }

    /// `Name value`, `-Name`, `+Name value`, `Name find replace`.
    pub(super) fn field(&mut self, node: &ImportNode, words: &[&str], is_request: bool, change: &mut ImportSection) {
        let (place, shown) = (&node.place, &node.shown);
        let Some((first, values)) = words.split_first() else { return };
        if *first == "defer" {
            self.report.not_needed(place, shown, "response_headers are set in place of the gateway's own");
            return;
        }
        let name = first.trim_start_matches(['+', '-', '?', '>']).trim_end_matches(':');
        let (rules, key) = if is_request {
            (&mut change.request_headers, "request_headers")
        } else {
            (&mut change.response_headers, "response_headers")
        };
        if name.contains('*') || name.is_empty() {
            self.report.dropped(place, shown, "fields are named one by one");
            return;
        }
        let content = match (first.starts_with('-'), values) {
            (true, _) => Content::Nothing,
            (false, [value]) => content(value),
            (false, []) => Content::Text(""),
            (false, _) => {
                self.report.dropped(
                    place,
                    shown,
                    "a field is set or removed, not changed: let the gateway send what is wanted",
                );
                return;
            }
        };
        let disposition = if is_request { fields::request(name, content) } else { fields::response(name, content) };
        match &disposition {
            FieldDisposition::NotNeeded(why) => self.report.not_needed(place, shown, *why),
            FieldDisposition::Wrong(instead) => self.report.wrong(place, shown, *instead),
            FieldDisposition::Dropped(remedy) => self.report.dropped(place, shown, *remedy),
            FieldDisposition::User => {
                change.user_header = Some(name.to_owned());
                self.report.kept(place, shown, "auth: user_header, where the route asks for a password");
            }
            FieldDisposition::Hsts(seconds) => {
                self.draft.tls.hsts = Some(Hsts::For(Duration::from_secs(*seconds)));
                let more = values.iter().any(|value| value.contains(';'));
                let what = if more {
                    "tls.hsts, for frontgate's own names without includeSubDomains and preload"
                } else {
                    "tls.hsts"
                };
                self.report.kept(place, shown, what);
            }
            FieldDisposition::Set(_) | FieldDisposition::Remove => {
                fields::put(rules, name, &disposition);
                let how = if disposition == FieldDisposition::Remove { "remove" } else { "set" };
                self.report.kept(place, shown, format!("{key}: {how}"));
                if is_request && disposition != FieldDisposition::Remove && fields::is_secret(name) {
                    let text = "every client of frontgate is given this secret on the way: let the clients have secrets of their own";
                    self.report.wrong(place, shown, text);
                }
            }
        }
    }
}

/// What a value with placeholders stands for.
fn content(value: &str) -> Content<'_> {
    match value {
        "{remote_host}" | "{remote}" | "{client_ip}" | "{http.request.remote.host}" | "{http.vars.client_ip}" => {
            Content::Client
        }
        "{http.auth.user.id}" | "{user}" => Content::User,
        "{hostport}" | "{http.request.hostport}" | "{http.request.header.Host}" | "{header.Host}" => Content::Host,
        _ => {
            let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let field = inner.and_then(|inner| {
                inner
                    .strip_prefix("header.")
                    .or_else(|| inner.strip_prefix("http.request.header."))
                    .or_else(|| inner.strip_prefix(">"))
            });
            match field {
                Some(field) => SAME
                    .iter()
                    .find(|name| name.eq_ignore_ascii_case(field))
                    .map_or(Content::Other, |name| Content::Field(name)),
                None if value.contains('{') && value.contains('}') => Content::Other,
                None => Content::Text(value),
            }
        }
    }
}

/// Fields that recipes copy onto themselves or into others.
const SAME: [&str; 8] = [
    "host",
    "upgrade",
    "connection",
    "origin",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "cf-connecting-ip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_what_they_say() {
        let cases = [
            ("{remote_host}", Content::Client),
            ("{http.auth.user.id}", Content::User),
            ("{header.X-Forwarded-For}", Content::Field("x-forwarded-for")),
            ("{host}", Content::Other),
            ("blue", Content::Text("blue")),
        ];
        for (value, expected) in cases {
            assert_eq!(content(value), expected, "{value}");
        }
    }
}
