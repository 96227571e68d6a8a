//! Which values the header fields, the query and the cookies of a request have, to frontgate and to other programs.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};

use super::field_values::FieldValues;
use super::spelling;
use super::truth::ReadingRange;
use crate::observe::percent_encoding;

/// The values of a header field.
pub(super) fn of_header(headers: &HeaderMap, name: &HeaderName, range: ReadingRange) -> FieldValues {
    let mut found = FieldValues::default();
    if *name == COOKIE {
        // Its pieces may come in fields of their own (RFC 9113 §8.2.3), and go on in one.
        if headers.contains_key(COOKIE) {
            found.add(cookies(headers));
        }
        return found;
    }
    let all: Vec<&[u8]> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    for value in &all {
        found.add(value.to_vec());
    }
    if all.len() > 1 {
        // RFC 9110 §5.3.
        found.add(all.join(&b", "[..]));
    }
    if range == ReadingRange::Any {
        // CGI and its successors know `x_key` as `X-Key`.
        for (other, value) in headers.iter().filter(|(other, _)| *other != name) {
            if spelling::is_same(other.as_str(), name.as_str()) {
                found.may_be(value.as_bytes().to_vec());
            }
        }
    }
    found
}

/// The values of a key of the query; `path` is the path as it came, which may have another query in it.
pub(super) fn of_query(query: Option<&str>, path: &str, key: &str, range: ReadingRange) -> FieldValues {
    let mut found = FieldValues::default();
    let query = query.unwrap_or_default().as_bytes();
    for (name, value) in pairs(query, b"&") {
        if form_decoded(name) == key.as_bytes() {
            found.add(form_decoded(value));
            if range == ReadingRange::Any {
                for reading in value_readings(value) {
                    found.may_be(reading);
                }
            }
        }
    }
    if range == ReadingRange::Own {
        return found;
    }
    let wanted = loose(key.as_bytes());
    let hidden = percent_encoding::decoded(&percent_encoding::decoded(path.as_bytes()));
    let hidden = hidden.iter().position(|byte| *byte == b'?').map_or(&[][..], |at| &hidden[at + 1..]);
    let once = percent_encoding::decoded(query);
    let twice = percent_encoding::decoded(&once);
    for text in [query, &once, &twice, hidden] {
        // `;` between pairs: HTML 4.01, appendix B.2.2. The rest would end a query, or begin it.
        for (name, value) in pairs(text, b"&;?#\0") {
            if loose(&form_decoded(&percent_encoding::decoded(name))) == wanted {
                for reading in value_readings(value) {
                    found.may_be(reading);
                }
            }
        }
    }
    found
}

/// The values of a cookie.
pub(super) fn of_cookie(headers: &HeaderMap, name: &str, range: ReadingRange) -> FieldValues {
    let mut found = FieldValues::default();
    if !headers.contains_key(COOKIE) {
        return found;
    }
    let text = cookies(headers);
    for (other, value) in pairs(&text, b";") {
        if other.trim_ascii() == name.as_bytes() {
            found.add(value.trim_ascii().to_vec());
        }
    }
    if range == ReadingRange::Any {
        // RFC 2109 §4.2.2 has `,` between cookies, too; values may be quoted, and many programs decode them.
        for (other, value) in pairs(&text, b";").chain(pairs(&text, b";,")) {
            if percent_encoding::decoded(other.trim_ascii()).eq_ignore_ascii_case(name.as_bytes()) {
                let value = value.trim_ascii();
                let bare = value.strip_prefix(b"\"").map_or(value, |value| value.strip_suffix(b"\"").unwrap_or(value));
                for value in [value, bare] {
                    found.may_be(value.to_vec());
                    found.may_be(percent_encoding::decoded(value));
                }
            }
        }
    }
    found
}

/// All cookies, as the gateway gets them.
fn cookies(headers: &HeaderMap) -> Vec<u8> {
    let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(http::HeaderValue::as_bytes).collect();
    all.join(&b"; "[..])
}

/// Names and values; what has no `=` has an empty value.
fn pairs<'a>(text: &'a [u8], between: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let pieces = text.split(|byte| between.contains(byte)).filter(|piece| !piece.is_empty());
    pieces.map(|piece| match piece.iter().position(|byte| *byte == b'=') {
        Some(at) => (&piece[..at], &piece[at + 1..]),
        None => (piece, &[][..]),
    })
}

/// What programs make of a value in a query.
fn value_readings(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let once = percent_encoding::decoded(value);
    let twice = percent_encoding::decoded(&once);
    let mut all = vec![form_decoded(value), form_decoded(&once), form_decoded(&twice), once, twice];
    if escapes_needlessly(value) {
        all.push(value.to_vec());
    }
    // Characters that end a text, or a pair, once they are decoded.
    for reading in all.clone() {
        let end = reading.iter().position(|byte| b"&;#\0".contains(byte));
        all.extend(end.map(|end| reading[..end].to_vec()));
        all.push(reading.trim_ascii().to_vec());
    }
    all.into_iter()
}

/// Whether a character is encoded that could stand by itself (RFC 3986 §2.3): some programs do not decode.
fn escapes_needlessly(text: &[u8]) -> bool {
    (0..text.len()).any(|at| {
        percent_encoding::escape(&text[at..])
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    })
}

/// The name of a key as the most lenient of programs has it: PHP writes `_` for `.` and a space and takes `a[]` for `a`,
/// ASP.NET does not mind case.
fn loose(key: &[u8]) -> Vec<u8> {
    let key = key.trim_ascii();
    let bare = key.iter().position(|byte| *byte == b'[').filter(|at| *at > 0).map_or(key, |at| &key[..at]);
    let letter = |byte: &u8| if b". _-".contains(byte) { b'_' } else { byte.to_ascii_lowercase() };
    bare.iter().filter(|byte| !byte.is_ascii_control()).map(letter).collect()
}

/// Decoded as forms are: `+` is a space (WHATWG URL, application/x-www-form-urlencoded).
fn form_decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_encoding::decoded(&spaced)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::config::FieldRule;
    use crate::http::route::truth::Truth;

    const RANGES: [ReadingRange; 2] = [ReadingRange::Own, ReadingRange::Any];

    /// Whether a rule that asks for `SECRET` holds, to frontgate and to any program.
    fn judged(of: impl Fn(ReadingRange) -> FieldValues) -> String {
        let rule = FieldRule::Equal("SECRET".to_owned());
        RANGES.map(|range| format!("{:?}", of(range).judge(&rule, range))).join(" ")
    }

    #[test]
    fn every_reading_of_a_query_is_looked_at() {
        for (query, expected) in [
            ("", "No No"),
            ("key=SECRET", "Yes Yes"),
            ("a=b&key=SECRET&c", "Yes Yes"),
            ("key=SECRET&key=SECRET", "Yes Yes"),
            ("key=%53ECRET", "Yes Maybe"),
            ("k%65y=SECRET", "Yes Yes"),
            ("key=other", "No No"),
            ("key=other&key=SECRET", "Maybe Maybe"),
            ("key=SECRET&key=other", "Maybe Maybe"),
            ("key=SECRET&key", "Maybe Maybe"),
            ("KEY=SECRET", "No Maybe"),
            ("key[]=SECRET", "No Maybe"),
            ("key%5B%5D=SECRET", "No Maybe"),
            ("k%2565y=SECRET", "No Maybe"),
            ("key=%2553ECRET", "No Maybe"),
            ("a;key=SECRET", "No Maybe"),
            ("a=b%26key=SECRET", "No Maybe"),
            ("a=b%26key%3DSECRET", "No Maybe"),
            ("?key=SECRET", "No Maybe"),
            ("key=SECRET;x", "No Maybe"),
            ("key=SECRET%00", "No Maybe"),
            ("key=SECRET+", "No Maybe"),
            ("+key=SECRET", "No Maybe"),
            ("key=secret", "No Maybe"),
            ("keys=SECRET", "No No"),
            ("a=key=SECRET", "No No"),
        ] {
            assert_eq!(judged(|range| of_query(Some(query), "/", "key", range)), expected, "{query}");
        }
        assert_eq!(judged(|range| of_query(None, "/x%3fkey=SECRET", "key", range)), "No Maybe");
        assert_eq!(judged(|range| of_query(None, "/x%253Fkey=SECRET", "key", range)), "No Maybe");
        assert_eq!(judged(|range| of_query(None, "/x/key=SECRET", "key", range)), "No No");
    }

    #[test]
    fn a_value_that_must_be_encoded_has_one_reading() {
        let rule = FieldRule::Equal("a b/é".to_owned());
        for (query, expected) in [("key=a%20b%2F%c3%a9", Truth::Yes), ("key=a+b/%c3%a9", Truth::Maybe)] {
            assert_eq!(
                of_query(Some(query), "/", "key", ReadingRange::Any).judge(&rule, ReadingRange::Any),
                expected,
                "{query}"
            );
            assert_eq!(
                of_query(Some(query), "/", "key", ReadingRange::Own).judge(&rule, ReadingRange::Own),
                Truth::Yes
            );
        }
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_repeated_header_field_holds_nothing_open() {
        let name = HeaderName::from_static("x-key");
        for (fields, expected) in [
            (&[][..], "No No"),
            (&[("x-key", "SECRET")], "Yes Yes"),
            (&[("x-key", "SECRET"), ("x-key", "SECRET")], "Maybe Maybe"),
            (&[("x-key", "SECRET"), ("x-key", "other")], "Maybe Maybe"),
            (&[("x-key", "other"), ("x-key", "SECRET")], "Maybe Maybe"),
            (&[("x-key", "SECRET"), ("x_key", "other")], "Yes Maybe"),
            (&[("x_key", "SECRET")], "No Maybe"),
            (&[("x-key", "other")], "No No"),
            (&[("x-keys", "SECRET")], "No No"),
        ] {
            assert_eq!(judged(|range| of_header(&headers(fields), &name, range)), expected, "{fields:?}");
        }
    }

    #[test]
    fn every_reading_of_cookies_is_looked_at() {
        for (fields, expected) in [
            (&[][..], "No No"),
            (&[("cookie", "key=SECRET")], "Yes Yes"),
            (&[("cookie", "a=b; key=SECRET;c=d")], "Yes Yes"),
            (&[("cookie", "a=b"), ("cookie", "key=SECRET")], "Yes Yes"),
            (&[("cookie", "key=SECRET; key=other")], "Maybe Maybe"),
            (&[("cookie", "key=other"), ("cookie", "key=SECRET")], "Maybe Maybe"),
            (&[("cookie", "key=\"SECRET\"")], "No Maybe"),
            (&[("cookie", "key=%53ECRET")], "No Maybe"),
            (&[("cookie", "KEY=SECRET")], "No Maybe"),
            (&[("cookie", "a=b, key=SECRET")], "No Maybe"),
            (&[("cookie", "key = SECRET")], "Yes Yes"),
            (&[("cookie", "xkey=SECRET")], "No No"),
            (&[("cookie", "key")], "No No"),
        ] {
            assert_eq!(judged(|range| of_cookie(&headers(fields), "key", range)), expected, "{fields:?}");
        }
        let text = of_header(&headers(&[("cookie", "a=b"), ("cookie", "c=d")]), &COOKIE, ReadingRange::Any);
        assert_eq!(text.judge(&FieldRule::Equal("a=b; c=d".to_owned()), ReadingRange::Any), Truth::Yes);
    }
}
