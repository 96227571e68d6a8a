//! Whether a request that changes something comes from the demo's own page.

use http::header::{self, HeaderMap, HeaderName};

/// Whether a browser says of a request that a page of the same origin made it: by `Origin` (RFC 6454 §7), which browsers
/// send with every POST, and by `Sec-Fetch-Site` where they know it. What is missing, double or unreadable refuses.
pub(super) fn is_same_origin(fields: &HeaderMap) -> bool {
    let (Field::One(origin), Field::One(host)) = (field(fields, &header::ORIGIN), field(fields, &header::HOST)) else {
        return false;
    };
    let site_fits = match field(fields, &HeaderName::from_static("sec-fetch-site")) {
        Field::None => true,
        Field::One(site) => site == "same-origin",
        Field::Unclear => false,
    };
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    site_fits && named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

enum Field<'a> {
    None,
    One(&'a str),
    Unclear,
}

fn field<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Field<'a> {
    let mut values = fields.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Field::None,
        (Some(Ok(value)), None) => Field::One(value),
        _ => Field::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_is_of_the_same_origin() {
        let host = ("host", "localhost:8443");
        let own = ("origin", "https://localhost:8443");
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[host, own], true),
            (&[host, own, ("sec-fetch-site", "same-origin")], true),
            (&[host, ("origin", "http://localhost:8443")], true),
            (&[("host", "Localhost:8443"), own], true),
            (&[], false),
            (&[host], false),
            (&[own], false),
            (&[host, ("sec-fetch-site", "same-origin")], false),
            (&[host, own, ("sec-fetch-site", "same-site")], false),
            (&[host, own, ("sec-fetch-site", "cross-site")], false),
            (&[host, own, ("sec-fetch-site", "none")], false),
            (&[host, own, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
            (&[host, ("origin", "https://localhost")], false),
            (&[host, ("origin", "https://localhost:8443.example.com")], false),
            (&[host, ("origin", "https://evil.example.com")], false),
            (&[host, ("origin", "null")], false),
            (&[host, ("origin", "localhost:8443")], false),
            (&[host, own, own], false),
            (&[host, ("host", "other"), own], false),
            (&[host, ("origin", "https://localhost:8443\u{e9}")], false),
        ];
        for (fields, expected) in rows {
            let mut map = HeaderMap::new();
            for (name, value) in *fields {
                map.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            assert_eq!(is_same_origin(&map), *expected, "{fields:?}");
        }
    }
}
