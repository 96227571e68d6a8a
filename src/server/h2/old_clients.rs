//! Clients that ask for a WebSocket over HTTP/2 and cannot use it.

use http::HeaderValue;

/// A client by its token in `User-Agent`, and the first major version that works.
struct OldClient {
    product: &'static str,
    works_from: u32,
}

/// Clients that are sent to HTTP/1.1 (RFC 9113 §7, `HTTP_1_1_REQUIRED`) when they ask for a WebSocket over HTTP/2.
const OLD_CLIENTS: [OldClient; 1] = [
    // HAProxy's manual names Firefox 88 at its `h2-workaround-bogus-websocket-clients`: it has issues with RFC 8441, among them
    // an ordinary upgrade with HTTP/2 in its version. Firefox has asked for WebSockets this way since version 65.
    OldClient { product: "Firefox/", works_from: 89 },
];

/// Whether the client with this `User-Agent` is known to break over HTTP/2.
pub(super) fn breaks_over_http2(user_agent: &HeaderValue) -> bool {
    let text = user_agent.to_str().unwrap_or_default();
    OLD_CLIENTS
        .iter()
        .any(|client| major_version(text, client.product).is_some_and(|version| version < client.works_from))
}

/// The major version behind the product's name; `None` if the product is not named, or its version cannot be read.
fn major_version(user_agent: &str, product: &str) -> Option<u32> {
    let mut tokens = user_agent.split(' ');
    let version = tokens.find_map(|token| token.strip_prefix(product))?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_known_and_what_cannot_be_read_is_not_old() {
        let rows = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:88.0) Gecko/20100101 Firefox/88.0", true),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:78.0) Gecko/20100101 Firefox/78.15.1", true),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:89.0) Gecko/20100101 Firefox/89.0", false),
            ("Mozilla/5.0 (Windows NT 10.0; rv:152.0) Gecko/20100101 Firefox/152.0", false),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.96 Safari/537.36",
                false,
            ),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.1 Safari/605.1.15", false),
            ("Firefox/", false),
            ("Firefox/8x", false),
            ("NotFirefox/12", false),
            ("", false),
        ];
        for (user_agent, expected) in rows {
            assert_eq!(breaks_over_http2(&HeaderValue::from_static(user_agent)), expected, "{user_agent}");
        }
        assert!(!breaks_over_http2(&HeaderValue::from_bytes(b"Firefox/12 \xff").unwrap()));
    }
}
