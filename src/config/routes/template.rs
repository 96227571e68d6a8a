//! [`LocationTemplate`]: a URL with gaps that a request fills.

use std::fmt::Write;

use regex::bytes::{Captures, Regex};
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// A URL with gaps that a request fills. What fills them cannot make it lead to another host than the one that is
/// written, nor end the header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocationTemplate {
    text: String,
    parts: Vec<TemplatePart>,
    /// How many of the parts are scheme and authority; 0 where the URL is a path.
    authority: usize,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Gap(Gap),
}

/// What fills a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gap {
    /// What a group of the route's expression matched, by number or name.
    Group(String),
    /// `http` or `https`, as the client's connection is.
    Scheme,
    /// The host that the request asks for, without a port.
    Host,
    /// The host and port that the request asks for.
    HostPort,
    /// Path and query as they came.
    Uri,
    /// The path as it came.
    Path,
    /// The query as it came, without the `?`.
    Query,
}

/// What a request has to fill a template's gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TemplateValues<'a> {
    /// `http` or `https`.
    pub(crate) scheme: &'a str,
    /// The host without a port.
    pub(crate) host: &'a str,
    /// The host, and the port if one was given.
    pub(crate) host_port: &'a str,
    /// The path as it came.
    pub(crate) path: &'a str,
    /// The query as it came.
    pub(crate) query: Option<&'a str>,
    /// The groups of the route's expression.
    pub(crate) groups: Option<&'a Captures<'a>>,
}

impl LocationTemplate {
    /// The groups that the template uses and `regex` does not have.
    pub(super) fn missing_group(&self, regex: Option<&Regex>) -> Option<&str> {
        let known = |name: &str| {
            regex.is_some_and(|regex| match name.parse::<usize>() {
                Ok(number) => number < regex.captures_len(),
                Err(_) => regex.capture_names().flatten().any(|known| known == name),
            })
        };
        self.parts.iter().find_map(|part| match part {
            TemplatePart::Gap(Gap::Group(name)) if !known(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The URL that `values` make of the template.
    pub(crate) fn fill(&self, values: &TemplateValues<'_>) -> String {
        let mut out = String::with_capacity(self.text.len() + 64);
        for (index, part) in self.parts.iter().enumerate() {
            let begins_path = self.authority > 0 && index == self.authority;
            let before = out.len();
            match part {
                TemplatePart::Text(text) => out.push_str(text),
                TemplatePart::Gap(gap) => fill(gap, values, &mut out),
            }
            // A host that is written ends where the path begins, whatever fills the gap behind it.
            if begins_path && !out[before..].starts_with(['/', '?', '#']) {
                out.insert(before, '/');
            }
        }
        if self.authority == 0 {
            // What begins with two slashes has a host.
            let path = out.trim_start_matches(['/', '\\']);
            out.replace_range(..out.len() - path.len(), "/");
        }
        out
    }
}

fn fill(gap: &Gap, values: &TemplateValues<'_>, out: &mut String) {
    match gap {
        Gap::Scheme => out.push_str(values.scheme),
        Gap::Host => out.push_str(values.host),
        Gap::HostPort => out.push_str(values.host_port),
        Gap::Path => as_it_came(values.path, out),
        Gap::Uri => {
            as_it_came(values.path, out);
            if let Some(query) = values.query {
                out.push('?');
                as_it_came(query, out);
            }
        }
        Gap::Query => match values.query {
            Some(query) if !query.is_empty() => as_it_came(query, out),
            // Nothing to ask for.
            _ if out.ends_with(['?', '&']) => drop(out.pop()),
            _ => {}
        },
        Gap::Group(name) => {
            let found = values.groups.and_then(|groups| match name.parse::<usize>() {
                Ok(number) => groups.get(number),
                Err(_) => groups.name(name),
            });
            let in_query = out.contains('?');
            for byte in found.map_or(&[][..], |found| found.as_bytes()) {
                let stays = byte.is_ascii_alphanumeric()
                    || b"-._~/:@".contains(byte)
                    || (!in_query && b"!$&'()*+,;=".contains(byte));
                if stays { out.push(char::from(*byte)) } else { encode(*byte, out) }
            }
        }
    }
}

/// A part of the target, in which only bytes are encoded that no field may have.
fn as_it_came(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() { out.push(char::from(byte)) } else { encode(byte, out) }
    }
}

fn encode(byte: u8, out: &mut String) {
    let _ = write!(out, "%{byte:02X}");
}

/// The kind of a template.
pub(super) struct TemplateValue;

impl KeyKind for TemplateValue {
    type Value = LocationTemplate;

    fn name(&self) -> String {
        "URL or path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<LocationTemplate, ValueError> {
        let fault = |what: &str| ValueError::new(format!("{} {what}", Quoted(text)));
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            let fault = fault("is not a place to go to");
            return Err(
                fault.hint("such as /new/$1 or https://gw.example.com{uri}; what is not ASCII is written as %…")
            );
        }
        let parts = parts(text)?;
        let authority = authority(&parts).ok_or_else(|| {
            fault("does not say where it goes")
                .hint("it begins with `/`, {uri}, {path}, or with https:// and a host that is written or {host}")
        })?;
        Ok(LocationTemplate { text: text.to_owned(), parts, authority })
    }

    fn write(&self, value: &LocationTemplate) -> YamlText {
        YamlText::Word(value.text.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// The pieces of a template; one ends where the authority of a URL does.
fn parts(text: &str) -> Result<Vec<TemplatePart>, ValueError> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(first) = rest.chars().next() {
        let (part, after) = match first {
            '$' => group(rest)?,
            '{' => placeholder(rest)?,
            '}' => return Err(ValueError::new("a `}` without a `{`").hint("write %7D")),
            _ => (TemplatePart::Text(first.to_string()), &rest[first.len_utf8()..]),
        };
        match part {
            TemplatePart::Text(text) => literal.push_str(&text),
            gap @ TemplatePart::Gap(_) => {
                split(&mut parts, &mut literal);
                parts.push(gap);
            }
        }
        rest = after;
    }
    split(&mut parts, &mut literal);
    Ok(parts)
}

/// Adds `literal`, cut where an authority ends that began in it or before.
fn split(parts: &mut Vec<TemplatePart>, literal: &mut String) {
    let text = std::mem::take(literal);
    let start = text.find("://").map_or(0, |at| at + 3);
    let cut = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    for piece in [&text[..cut], &text[cut..]] {
        if !piece.is_empty() {
            parts.push(TemplatePart::Text(piece.to_owned()));
        }
    }
}

/// `$1`, `${name}` or `$$` at the start of `text`, and what follows it.
fn group(text: &str) -> Result<(TemplatePart, &str), ValueError> {
    let rest = &text[1..];
    if let Some(after) = rest.strip_prefix('$') {
        return Ok((TemplatePart::Text("$".to_owned()), after));
    }
    let (name, after) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some(found) => found,
        None => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(ValueError::new("a `$` that names no group").hint("$1, ${name}, or $$ for a dollar"));
    }
    Ok((TemplatePart::Gap(Gap::Group(name.to_owned())), after))
}

/// `{uri}` and the like at the start of `text`, and what follows it.
fn placeholder(text: &str) -> Result<(TemplatePart, &str), ValueError> {
    let found = GAPS.iter().find_map(|(name, gap)| Some((gap, text.strip_prefix(*name)?)));
    let Some((gap, after)) = found else {
        let names = GAPS.map(|(name, _)| name).join(", ");
        return Err(
            ValueError::new("a `{` that begins none of the known names").hint(format!("{names}, or %7B for a brace"))
        );
    };
    Ok((TemplatePart::Gap(gap.clone()), after))
}

const GAPS: [(&str, Gap); 6] = [
    ("{scheme}", Gap::Scheme),
    ("{host}", Gap::Host),
    ("{hostport}", Gap::HostPort),
    ("{uri}", Gap::Uri),
    ("{path}", Gap::Path),
    ("{query}", Gap::Query),
];

/// How many of the parts are scheme and authority; `None` where a request could choose them.
fn authority(parts: &[TemplatePart]) -> Option<usize> {
    let begins = |index: usize, start: &str| matches!(parts.get(index), Some(TemplatePart::Text(text)) if text.starts_with(start));
    let host_begins_at = match parts.first()? {
        TemplatePart::Gap(Gap::Uri | Gap::Path) => return Some(0),
        TemplatePart::Gap(Gap::Scheme) if begins(1, "://") => 1,
        TemplatePart::Text(text) if text.starts_with('/') => {
            return (!text.starts_with("//")).then_some(0);
        }
        TemplatePart::Text(text) if text.starts_with("http://") || text.starts_with("https://") => 0,
        TemplatePart::Gap(_) | TemplatePart::Text(_) => return None,
    };
    let mut host = false;
    let mut end = host_begins_at;
    for (index, part) in parts.iter().enumerate().skip(host_begins_at) {
        match part {
            TemplatePart::Text(text) if text.starts_with(['/', '?', '#']) => break,
            TemplatePart::Text(text) => host |= !text.ends_with("://") && index >= host_begins_at,
            TemplatePart::Gap(Gap::Host | Gap::HostPort) => host = true,
            TemplatePart::Gap(_) => break,
        }
        end = index + 1;
    }
    host.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, pattern: &str, path: &str, query: Option<&str>) -> String {
        let template = TemplateValue.parse(template).unwrap_or_else(|fault| panic!("{template}: {fault:?}"));
        let regex = Regex::new(&format!("(?-u){pattern}")).unwrap();
        let groups = regex.captures(path.as_bytes());
        assert_eq!(template.missing_group(Some(&regex)), None, "{template:?}");
        let values = TemplateValues {
            scheme: "https",
            host: "gw.example.com",
            host_port: "gw.example.com:8443",
            path,
            query,
            groups: groups.as_ref(),
        };
        template.fill(&values)
    }

    #[test]
    fn gaps_are_filled_from_the_request() {
        for (template, pattern, path, query, expected) in [
            ("/new/$1", "^/old/(.*)$", "/old/a/b", None, "/new/a/b"),
            ("/new/${rest}x", "^/old/(?P<rest>.*)$", "/old/a", None, "/new/ax"),
            ("/$$1", "", "/", None, "/$1"),
            ("https://other.lan{uri}", "", "/a?b", Some("c=d"), "https://other.lan/a?b?c=d"),
            ("{scheme}://{host}{uri}", "", "/a", Some("b"), "https://gw.example.com/a?b"),
            ("https://{hostport}/x{path}", "", "/a", Some("b"), "https://gw.example.com:8443/x/a"),
            ("https://www.{host}{uri}", "", "/a", None, "https://www.gw.example.com/a"),
            ("{path}/", "", "/a", Some("b"), "/a/"),
            ("/x?{query}", "", "/a", Some("b=c"), "/x?b=c"),
            ("/x?{query}", "", "/a", None, "/x"),
            ("/x?y=z&{query}", "", "/a", Some(""), "/x?y=z"),
            ("/x?to=$1", "^(.*)$", "/a&b=c", None, "/x?to=/a%26b%3Dc"),
            ("/x/$2", "^/(a)?(b)?", "/a", None, "/x/"),
            ("https://other.lan?x=$1", "^/(.*)", "/a", None, "https://other.lan?x=a"),
        ] {
            assert_eq!(filled(template, pattern, path, query), expected, "{template} {path}");
        }
    }

    #[test]
    fn what_fills_a_gap_cannot_choose_the_host_or_end_the_field() {
        for (template, pattern, path, expected) in [
            ("/$1", "^/x/(.*)$", "/x//evil.example", "/evil.example"),
            ("/$1", "^/x/(.*)$", "/x/\\evil.example", "/%5Cevil.example"),
            ("/$1", "^/x(.*)$", "/x///evil.example/", "/evil.example/"),
            ("{uri}", "", "//evil.example/x", "/evil.example/x"),
            ("{path}", "", "/\\evil.example/x", "/evil.example/x"),
            ("https://good.lan$1", "^/x(.*)$", "/x.evil.example", "https://good.lan/.evil.example"),
            ("https://good.lan$1", "^/x(.*)$", "/x@evil.example", "https://good.lan/@evil.example"),
            ("https://good.lan$1", "^/x(.*)$", "/x:80", "https://good.lan/:80"),
            ("https://good.lan$1", "^/x(.*)$", "/x", "https://good.lan/"),
            ("https://good.lan$1.more", "^/x(.*)$", "/x", "https://good.lan/.more"),
            ("{scheme}://{host}$1", "^/x(.*)$", "/x.evil", "https://gw.example.com/.evil"),
            ("/$1", "^/((?s:.*))$", "/a\r\nSet-Cookie: b\0", "/a%0D%0ASet-Cookie:%20b%00"),
            ("/$1", "^/((?s:.*))$", "/%41?#<\u{e9}", "/%2541%3F%23%3C%C3%A9"),
        ] {
            assert_eq!(filled(template, pattern, path, None), expected, "{template} {path}");
        }
    }

    #[test]
    fn a_place_that_a_request_could_choose_is_refused() {
        for text in [
            "$1",
            "{query}",
            "{host}/x",
            "//evil",
            "//$1",
            "https://$1/x",
            "https://{query}",
            "https://",
            "https:///x",
            "ftp://x/",
            "javascript:x",
            "x",
            "{scheme}:x",
            "{scheme}$1",
            "",
            "/a b",
            "/é",
            "/\\x",
            "/{x}",
            "/$",
            "/$x",
            "/}",
            "/${a-b}",
            "http:/x",
        ] {
            assert!(TemplateValue.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn groups_that_the_expression_lacks_are_found() {
        let regex = Regex::new("^/(a)(?P<b>x)").unwrap();
        for (text, missing) in [("/$0$1$2${b}", None), ("/$3", Some("3")), ("/${c}", Some("c"))] {
            assert_eq!(TemplateValue.parse(text).unwrap().missing_group(Some(&regex)), missing, "{text}");
        }
        assert_eq!(TemplateValue.parse("/$1").unwrap().missing_group(None), Some("1"));
        assert_eq!(TemplateValue.parse("/{uri}").unwrap().missing_group(None), None);
    }
}
