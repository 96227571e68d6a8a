//! [`plan()`]: which answers go with gzip, and what changes in their heads (RFC 9110 §8.4, §8.8.3, §12.5.5). Pure.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, RANGE, SET_COOKIE, TRAILER, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::accepted::takes_gzip;

/// What becomes of the head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadPlan {
    /// It stays.
    AsItIs,
    /// It stays, and says that another client may get another answer.
    Varies,
    /// It announces gzip.
    Gzip,
    /// It becomes a 304: the client has this answer, under the weak tag that it got with gzip.
    NotModified,
    /// It is a 304 for an answer that the client got with gzip.
    Revalidated,
}

/// Decides on an answer by its head and that of its request.
pub(super) fn plan(method: &Method, request: &HeaderMap, status: StatusCode, answer: &HeaderMap) -> HeadPlan {
    if *method != Method::GET && *method != Method::HEAD {
        return HeadPlan::AsItIs;
    }
    if status == StatusCode::NOT_MODIFIED {
        return if has_weak_form(request, answer) { HeadPlan::Revalidated } else { HeadPlan::AsItIs };
    }
    // The type first: most answers are no files, and are not looked at any further.
    if status != StatusCode::OK
        || !is_static(answer)
        || is_small(answer)
        || NEVER_WITH.iter().any(|name| answer.contains_key(name))
        || says(answer, &["no-transform", "no-store", "private"])
        || says(request, &["no-transform"])
        || request.contains_key(RANGE)
        || !has_whole_tag(answer)
    {
        return HeadPlan::AsItIs;
    }
    if !takes_gzip(request) {
        return HeadPlan::Varies;
    }
    if has_weak_form(request, answer) { HeadPlan::NotModified } else { HeadPlan::Gzip }
}

/// Makes the head that of an answer with gzip.
pub(super) fn gzip(answer: &mut HeaderMap) {
    answer.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer.remove(CONTENT_LENGTH);
    // A part of the compressed form is no part that the gateway could send.
    answer.remove(ACCEPT_RANGES);
    weaken(answer);
    vary(answer);
}

/// Makes the head that of a 304.
pub(super) fn not_modified(answer: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, CONTENT_TYPE, ACCEPT_RANGES] {
        answer.remove(name);
    }
    revalidated(answer);
}

/// Gives a 304 the tag under which the client has the answer.
pub(super) fn revalidated(answer: &mut HeaderMap) {
    weaken(answer);
    vary(answer);
}

/// Says that the answer depends on `Accept-Encoding`.
pub(super) fn vary(answer: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"))
    };
    if !answer.get_all(VARY).iter().any(named) {
        answer.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// Turns a strong tag into the weak one: the bytes are no longer those that the gateway named by it.
fn weaken(answer: &mut HeaderMap) {
    let weak = answer.get(ETAG).and_then(|tag| weak_form(tag.as_bytes()));
    if let Some(weak) = weak.and_then(|weak| HeaderValue::from_bytes(&weak).ok()) {
        answer.insert(ETAG, weak);
    }
}

/// The weak form of a strong tag.
fn weak_form(tag: &[u8]) -> Option<Vec<u8>> {
    tag.starts_with(b"\"").then(|| [b"W/", tag].concat())
}

/// Whether the client has the answer under the weak form of its tag, which the gateway may not know for its own.
fn has_weak_form(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let Some(weak) = answer.get(ETAG).and_then(|tag| weak_form(tag.as_bytes())) else { return false };
    let tags = request.get_all(IF_NONE_MATCH).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.take(MOST_TAGS).any(|tag| tag.trim_ascii() == weak)
}

/// Whether the answer has no tag, or one whose form is known.
fn has_whole_tag(answer: &HeaderMap) -> bool {
    let mut tags = answer.get_all(ETAG).iter();
    let known = |tag: &HeaderValue| tag.as_bytes().starts_with(b"\"") || tag.as_bytes().starts_with(b"W/\"");
    tags.next().is_none_or(known) && tags.next().is_none()
}

/// Whether `Cache-Control` has one of these words.
fn says(fields: &HeaderMap, words: &[&str]) -> bool {
    let lines = fields.get_all(CACHE_CONTROL).into_iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    directives.any(|directive| {
        let name = directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        words.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// Whether the answer is a file of a page's that compresses well.
fn is_static(answer: &HeaderMap) -> bool {
    let kind = answer.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    STATIC_TYPES.iter().any(|known| essence.eq_ignore_ascii_case(known))
}

/// Whether the answer is so short that gzip saves no packet.
fn is_small(answer: &HeaderMap) -> bool {
    let length = answer.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length < WORTH_IT)
}

/// Neither pages nor data, which may hold secrets; nor what is compressed already, such as WOFF.
const STATIC_TYPES: [&str; 14] = [
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "text/ecmascript",
    "application/ecmascript",
    "image/svg+xml",
    "application/wasm",
    "font/ttf",
    "font/otf",
    "font/sfnt",
    "font/collection",
    "application/vnd.ms-fontobject",
    "application/x-font-ttf",
];

/// Fields that say something about the very bytes, or that the answer is one client's.
const NEVER_WITH: [HeaderName; 8] = [
    CONTENT_ENCODING,
    CONTENT_RANGE,
    SET_COOKIE,
    TRAILER,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// What fits a packet beside its head.
const WORTH_IT: u64 = 1024;
const MOST_TAGS: usize = 32;

#[cfg(test)]
mod tests;
