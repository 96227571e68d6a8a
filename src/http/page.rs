//! What a [`Failure`] looks like on the wire: a page for a person, JSON for a program, plain text for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, Response};

use super::error::{Face, Failure};

/// The page. Its style is inline and named by hash in [`POLICY`], and it loads nothing.
const TEMPLATE: &str = include_str!("page.html");

/// How often the page asks again when waiting may help, in seconds. The Control UI gives up on a gateway after 15.
const REFRESH: u32 = 5;

/// Nothing but the page's own style, by its hash.
const POLICY: &str = "default-src 'none'; style-src 'sha256-nvvwUpgJmms6zEVorAajkO3CiEfdN0i9BZCCHiuAFh0='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Carries the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The answer to a request that failed, in the form that its `Accept` prefers.
pub fn response(failure: &Failure, accept: Option<&HeaderValue>, request_id: &str) -> Response<Bytes> {
    let (content_type, body) = render(failure, accept, request_id);
    let mut response = Response::new(body);
    *response.status_mut() = failure.status();
    let length = response.body().len();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(header::CONTENT_LENGTH, length.into());
    for (name, value) in common_fields(failure, request_id) {
        // An id with odd bytes is left out rather than the answer.
        if let Ok(value) = HeaderValue::from_str(&value) {
            fields.insert(name, value);
        }
    }
    if content_type == Form::Html.content_type() {
        fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    response
}

/// A whole HTTP/1.1 response that closes the connection, for failures that happen before there is a request to answer:
/// a head that took too long (408), is not HTTP (400) or is too large (431).
pub fn raw(failure: &Failure, request_id: &str) -> Bytes {
    let status = failure.status();
    let body = text(&failure.face(), request_id);
    let mut out = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    for (name, value) in common_fields(failure, request_id) {
        if HeaderValue::from_str(&value).is_ok() {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    let content_type = Form::Text.content_type();
    let _ = write!(out, "content-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    out.push_str(&body);
    out.into()
}

/// The content type and the body.
pub fn render(failure: &Failure, accept: Option<&HeaderValue>, request_id: &str) -> (&'static str, Bytes) {
    let form = Form::preferred(accept);
    let face = failure.face();
    let body = match form {
        Form::Html => html(&face, request_id),
        Form::Json => json(&face, request_id),
        Form::Text => text(&face, request_id),
    };
    (form.content_type(), body.into())
}

fn common_fields(failure: &Failure, request_id: &str) -> impl Iterator<Item = (HeaderName, Cow<'static, str>)> {
    let allow = matches!(failure, Failure::Connect).then_some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    [
        Some((header::CACHE_CONTROL, Cow::from("no-store"))),
        Some((header::X_CONTENT_TYPE_OPTIONS, Cow::from("nosniff"))),
        Some((REQUEST_ID, Cow::from(request_id.to_owned()))),
        failure.retry_after().map(|seconds| (header::RETRY_AFTER, seconds.to_string().into())),
        // RFC 9110 §15.5.6: a 405 says what is allowed.
        allow.map(|methods| (header::ALLOW, methods.into())),
    ]
    .into_iter()
    .flatten()
}

fn text(face: &Face, request_id: &str) -> String {
    let Face { status, code, title, message, hint, .. } = face;
    let request_id = one_line(request_id);
    format!("{} {title}\n\n{message}\n{hint}\n\ncode: {code}\nrequest: {request_id}\n", status.as_str())
}

fn json(face: &Face, request_id: &str) -> String {
    let Face { code, message, hint, .. } = face;
    let error = serde_json::json!({ "code": code, "message": message, "hint": hint, "request_id": request_id });
    format!("{}\n", serde_json::json!({ "error": error }))
}

fn html(face: &Face, request_id: &str) -> String {
    let waiting = matches!(face.status.as_u16(), 502..=504);
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"{REFRESH}\">");
    let again = format!("<p class=\"again\">This page tries again every {REFRESH} seconds.</p>");
    let mut out = String::with_capacity(TEMPLATE.len() + 512);
    let mut rest = TEMPLATE;
    // One pass over the template, so that a value can never be taken for a placeholder.
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.push_str(before);
        match name {
            "status" => out.push_str(face.status.as_str()),
            "title" => escape(face.title, &mut out),
            "message" => escape(face.message, &mut out),
            "hint" => code_spans(face.hint, &mut out),
            "code" => escape(face.code, &mut out),
            "request_id" => escape(request_id, &mut out),
            "refresh" if waiting => out.push_str(&refresh),
            "again" if waiting => out.push_str(&again),
            _ => {}
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Escapes `text` and sets what is between backticks as code.
fn code_spans(text: &str, out: &mut String) {
    for (index, part) in text.split('`').enumerate() {
        let is_code = index % 2 == 1;
        out.push_str(if is_code { "<code>" } else { "" });
        escape(part, out);
        out.push_str(if is_code { "</code>" } else { "" });
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Text,
}

impl Form {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// The form with the highest weight (RFC 9110 §12.5.1). Of equals the one that is named most exactly, then the one
    /// that is named first, then plain text: that is what `*/*` gets, the `Accept` of `curl` and `fetch`.
    fn preferred(accept: Option<&HeaderValue>) -> Self {
        let Some(accept) = accept.and_then(|accept| accept.to_str().ok()) else { return Self::Text };
        let ranges: Vec<Range> = accept.split(',').take(MOST_RANGES).enumerate().filter_map(Range::parse).collect();
        [Self::Text, Self::Json, Self::Html]
            .into_iter()
            .filter_map(|form| {
                let best = ranges.iter().filter(|range| range.exactness(form).is_some());
                // The most exact range decides on a form's weight, even if a wider one is heavier.
                let range = best.max_by_key(|range| (range.exactness(form), std::cmp::Reverse(range.index)))?;
                (range.weight > 0).then_some((form, range))
            })
            // `min_by_key` takes the first of equals: plain text.
            .min_by_key(|(form, range)| (std::cmp::Reverse((range.weight, range.exactness(*form))), range.index))
            .map_or(Self::Text, |(form, _)| form)
    }

    const fn essence(self) -> (&'static str, &'static str) {
        match self {
            Self::Html => ("text", "html"),
            Self::Json => ("application", "json"),
            Self::Text => ("text", "plain"),
        }
    }
}

/// How many of an `Accept`'s ranges are looked at.
const MOST_RANGES: usize = 32;

/// One media range of an `Accept`.
struct Range<'a> {
    index: usize,
    kind: &'a str,
    subtype: &'a str,
    /// Thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse((index, text): (usize, &'a str)) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(1000), |(_, q)| thousandths(q.trim()))?;
        Some(Self { index, kind, subtype, weight })
    }

    /// How exactly this range names `form`, if it does.
    fn exactness(&self, form: Form) -> Option<u8> {
        let (kind, subtype) = form.essence();
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (k, "*") if k.eq_ignore_ascii_case(kind) => Some(1),
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// A weight as RFC 9110 §12.4.2 writes it: 0 to 1 with three decimals at most.
fn thousandths(q: &str) -> Option<u16> {
    let (whole, decimals) = q.split_once('.').unwrap_or((q, ""));
    let is_digits = decimals.bytes().all(|b| b.is_ascii_digit());
    match whole {
        _ if decimals.len() > 3 || !is_digits => None,
        "1" => Some(1000),
        "0" => format!("{decimals:0<3}").parse().ok(),
        _ => None,
    }
}
