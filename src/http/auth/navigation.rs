//! [`RequestMode`]: whether a person, a page's script or another program waits for an answer: pure.

use http::HeaderMap;
use http::header::ACCEPT;

/// What asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestMode {
    /// A browser that shows the answer as a page.
    Navigation,
    /// A page that a browser shows: a script, an image, a WebSocket.
    Fetch,
    /// Another program, or a browser that does not say.
    Program,
}

impl RequestMode {
    /// What browsers say in `Sec-Fetch-Mode` (W3C Fetch Metadata §2.2); older ones ask for a page by name.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if let Some(mode) = headers.get("sec-fetch-mode") {
            return if mode == "navigate" { Self::Navigation } else { Self::Fetch };
        }
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let is_page = accept
            .split(',')
            .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html"));
        if is_page { Self::Navigation } else { Self::Program }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_browser_says_what_it_does_with_the_answer() {
        for (mode, accept, expected) in [
            (Some("navigate"), "*/*", RequestMode::Navigation),
            (Some("cors"), "text/html", RequestMode::Fetch),
            (Some("no-cors"), "image/png", RequestMode::Fetch),
            (Some("websocket"), "", RequestMode::Fetch),
            (None, "text/html,application/xhtml+xml;q=0.9", RequestMode::Navigation),
            (None, "application/json, Text/HTML;q=0.1", RequestMode::Navigation),
            (None, "text/htmlx", RequestMode::Program),
            (None, "*/*", RequestMode::Program),
            (None, "", RequestMode::Program),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            if let Some(mode) = mode {
                headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
            }
            assert_eq!(RequestMode::of(&headers), expected, "{mode:?} {accept}");
        }
    }
}
