//! Fields of requests and answers: `header`, `request_header`, `header_up` and `header_down`.

use super::answer::{CannotSay, has_placeholder};
use super::block::CaddyStep;
use super::on_the_way::OnTheWay;
use crate::import::fields::{self, Content};
use crate::import::node::ImportNode;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// Which way a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldWay {
    /// To the gateway.
    Request,
    /// To the client.
    Response,
}

/// `header`: one field behind the name, or several in a block.
pub(super) fn response(step: &CaddyStep<'_>, rule: &mut ImportRule) {
    if let Some(test) = step.node.inner().iter().find(|line| line.name == "match") {
        let text = "it is for some answers only, by their status or fields, which no route can ask for";
        for origin in [&step.origin, &Origin::of(&test.place, &test.shown)] {
            rule.say(origin, Part::Remark(ImportVerdict::Dropped, text.to_owned()));
        }
        return;
    }
    if !step.args.is_empty() {
        let words: Vec<&str> = step.args.iter().map(String::as_str).collect();
        // A field of an answer keeps no client out, whatever becomes of it.
        let _ = field(&step.origin, &words, FieldWay::Response, rule);
        return;
    }
    for line in step.node.inner() {
        let words: Vec<&str> = std::iter::once(&line.name).chain(&line.args).map(String::as_str).collect();
        let _ = field(&Origin::of(&line.place, &line.shown), &words, FieldWay::Response, rule);
    }
    rule.say(&step.origin, Part::Remark(ImportVerdict::Kept, "as the lines in its block say".to_owned()));
}

/// `request_header`
pub(super) fn request(step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Result<(), CannotSay> {
    let words: Vec<&str> = step.args.iter().map(String::as_str).collect();
    let name = words.first().map_or("", |first| first.trim_start_matches(['+', '-']).trim_end_matches(':'));
    requests.fields.push(name.to_ascii_lowercase());
    field(&step.origin, &words, FieldWay::Request, &mut requests.rule)
}

/// A field: `Name value`, `-Name`, `+Name value`, `Name find replace`.
pub(super) fn field(origin: &Origin, words: &[&str], way: FieldWay, rule: &mut ImportRule) -> Result<(), CannotSay> {
    let Some((first, values)) = words.split_first() else { return Ok(()) };
    let remark = |verdict, text: &str| Part::Remark(verdict, text.to_owned());
    if *first == "defer" {
        rule.say(origin, remark(ImportVerdict::NotNeeded, "response_headers are set in place of the gateway's own"));
        return Ok(());
    }
    let name = first.trim_start_matches(['+', '-', '?', '>']).trim_end_matches(':');
    if name.contains('*') {
        return match (way, first.starts_with('-')) {
            (FieldWay::Request, true) if !name.to_ascii_lowercase().starts_with("x-forwarded-") => Err(CannotSay::new(
                format!("it removes all fields like {name}, and a route names each"),
                "List the fields in `request_headers: { remove: […] }`",
            )),
            (FieldWay::Request, true) => {
                rule.say(origin, remark(ImportVerdict::NotNeeded, "no X-Forwarded-* of a client passes"));
                Ok(())
            }
            _ => {
                rule.say(origin, remark(ImportVerdict::Dropped, "fields are named one by one"));
                Ok(())
            }
        };
    }
    let lower = name.to_ascii_lowercase();
    if HOP.contains(&lower.as_str())
        || ["proxy-", "sec-websocket-", "x-client-cert-"].iter().any(|begin| lower.starts_with(begin))
    {
        let text = "it belongs to one connection and is frontgate's own";
        rule.say(origin, remark(ImportVerdict::NotNeeded, text));
        return Ok(());
    }
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&byte));
    if !is_name || values.len() > 1 || has_placeholder(name) {
        let text = "a field is set or removed, not changed: it passes as it comes";
        rule.say(origin, remark(ImportVerdict::Dropped, text));
        return Ok(());
    }
    if way == FieldWay::Response && first.starts_with(['?', '+']) {
        let text = "response_headers are set in place of the gateway's own, not beside them or where there is none: the gateway's pass";
        rule.say(origin, remark(ImportVerdict::Dropped, text));
        return Ok(());
    }
    let content = match (first.starts_with('-'), values) {
        (true, _) => Content::Nothing,
        (false, []) => Content::Text(""),
        (false, values) => content(values[0]),
    };
    match way {
        FieldWay::Request => {
            // These are the client's own, and no user's name.
            let own = content == Content::User && ["authorization", "cookie"].contains(&lower.as_str());
            fields::set_request(rule, origin, name, if own { Content::Other } else { content });
            if fields::is_secret(name) && matches!(content, Content::Text(text) if !text.is_empty()) {
                let text = "every client of frontgate is given this secret on the way: let the clients have secrets of their own";
                rule.say(origin, remark(ImportVerdict::Wrong, text));
            }
        }
        FieldWay::Response => {
            fields::set_response(rule, origin, name, content);
        }
    }
    Ok(())
}

/// The seconds for which a directive keeps browsers on https.
pub(super) fn hsts(node: &ImportNode) -> Option<u64> {
    let lines = std::iter::once(node.args.as_slice()).chain(node.inner().iter().map(|line| line.args.as_slice()));
    let names = std::iter::once(node.arg(0)).chain(node.inner().iter().map(|line| line.name.as_str()));
    names.zip(lines).find_map(|(name, words)| {
        let name = name.trim_start_matches('>');
        match (name.eq_ignore_ascii_case("strict-transport-security"), words.last()) {
            (true, Some(value)) => fields::max_age(value),
            _ => None,
        }
    })
}

/// Fields that frame a message or a connection (RFC 9110, section 7.6.1).
const HOP: [&str; 8] =
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "content-length"];

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
                None if has_placeholder(value) => Content::Other,
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
