//! Which [`MediaForm`] of an answer a client prefers.

use std::cmp::Reverse;

use http::HeaderValue;

/// The forms in which frontgate can say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaForm {
    /// For a person with a browser.
    Html,
    /// For a program.
    Json,
    /// For a terminal.
    Text,
}

impl MediaForm {
    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// The form with the highest weight (RFC 9110 §12.5.1). Of equals the form that is named most exactly, then the one
    /// that is named first, then plain text: that is what `*/*` gets, the `Accept` of `curl` and `fetch`.
    pub(crate) fn preferred(accept: Option<&HeaderValue>) -> Self {
        let Some(accept) = accept.and_then(|accept| accept.to_str().ok()) else { return Self::Text };
        let ranges: Vec<MediaRange> =
            accept.split(',').take(MOST_RANGES).enumerate().filter_map(MediaRange::parse).collect();
        [Self::Text, Self::Json, Self::Html]
            .into_iter()
            .filter_map(|form| {
                let best = ranges.iter().filter(|range| range.exactness(form).is_some());
                // The most exact range decides on a form's weight, even if a wider one is heavier.
                let range = best.max_by_key(|range| (range.exactness(form), Reverse(range.index)))?;
                (range.weight > 0).then_some((form, range))
            })
            // `min_by_key` takes the first of equals: plain text.
            .min_by_key(|(form, range)| (Reverse((range.weight, range.exactness(*form))), range.index))
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
struct MediaRange<'a> {
    index: usize,
    kind: &'a str,
    subtype: &'a str,
    /// The weight in thousandths.
    weight: u16,
}

impl<'a> MediaRange<'a> {
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
    fn exactness(&self, form: MediaForm) -> Option<u8> {
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
pub(in crate::http) fn thousandths(q: &str) -> Option<u16> {
    let (whole, decimals) = q.split_once('.').unwrap_or((q, ""));
    let is_digits = decimals.bytes().all(|b| b.is_ascii_digit());
    match whole {
        _ if decimals.len() > 3 || !is_digits => None,
        "1" => Some(1000),
        "0" => format!("{decimals:0<3}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_one_that_accept_prefers() {
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
        let cases = [
            (None, MediaForm::Text),
            (Some(""), MediaForm::Text),
            (Some("*/*"), MediaForm::Text),
            (Some(chromium), MediaForm::Html),
            (Some("text/html"), MediaForm::Html),
            (Some("TEXT/HTML;charset=utf-8"), MediaForm::Html),
            (Some("application/json"), MediaForm::Json),
            (Some("application/json, text/plain, */*"), MediaForm::Json),
            (Some("text/plain, application/json"), MediaForm::Text),
            (Some("application/*"), MediaForm::Json),
            (Some("text/*"), MediaForm::Text),
            (Some("text/*, text/plain;q=0.1"), MediaForm::Html),
            (Some("text/html;q=0.5, application/json;q=0.9"), MediaForm::Json),
            (Some("text/html; q=0.500 , application/json;q=0.499"), MediaForm::Html),
            (Some("*/*, text/plain;q=0, application/json;q=0.1"), MediaForm::Html),
            (Some("text/html;level=1;q=1, */*;q=0.1"), MediaForm::Html),
            (Some("text/html;q=0, application/json;q=0, text/plain;q=0"), MediaForm::Text),
            (Some("text/html;q=2, application/json;q=0.1"), MediaForm::Json),
            (Some("text/html;q=0.1234, application/json;q=0.1"), MediaForm::Json),
            (Some("text/event-stream"), MediaForm::Text),
            (Some("image/avif,image/webp,*/*;q=0.8"), MediaForm::Text),
            (Some("rubbish, ;q=, /, text/html"), MediaForm::Html),
        ];
        for (given, expected) in cases {
            let given = given.map(HeaderValue::from_static);
            assert_eq!(MediaForm::preferred(given.as_ref()), expected, "{given:?}");
        }
        assert_eq!(MediaForm::preferred(Some(&HeaderValue::from_bytes(b"text/html\xff").unwrap())), MediaForm::Text);
    }
}
