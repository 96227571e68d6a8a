//! [`CollectorUrl`]: where a collector is asked.

use std::fmt;

use http::uri::PathAndQuery;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;
use crate::config::upstream::{UpstreamAddress, UpstreamUrl};

/// Where a collector is asked: an address, and what stands before `/v1/traces` and `/v1/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CollectorUrl {
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// Its name or address, IPv6 without brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Empty, or a path that begins with a slash and does not end with one.
    pub(crate) path: String,
}

impl CollectorUrl {
    /// `host:port`, as `Host` has it.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The kind of a collector's URL. A fault of one is described without repeating it.
pub(super) struct CollectorUrlValue;

impl KeyKind for CollectorUrlValue {
    type Value = CollectorUrl;

    fn name(&self) -> String {
        "URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<CollectorUrl, ValueError> {
        let begin = text.find("://").map_or(0, |at| at + 3);
        let end = text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
        let (place, path) = text.split_at(end);
        let fault = |what: &str| ValueError::new(format!("the URL {what}")).hint(EXAMPLE);
        if path.contains(['?', '#']) {
            return Err(fault("has a query or a fragment"));
        }
        let path = path.trim_end_matches('/');
        if path.ends_with("/v1/traces") || path.ends_with("/v1/metrics") {
            return Err(fault("has a signal's own path, and frontgate appends it"));
        }
        if !path.is_empty() && PathAndQuery::try_from(path).is_err() {
            return Err(fault("has no valid path"));
        }
        if !["http://", "https://"].iter().any(|scheme| place.starts_with(scheme)) {
            return Err(fault("has to begin with http:// or https://: OTLP is sent over HTTP (http/protobuf)"));
        }
        if place.contains('@') {
            return Err(fault("has a user or a password, and frontgate sends none to a collector"));
        }
        let address = UpstreamUrl.parse(place).map_err(|error| error.hint(EXAMPLE))?;
        let (tls, host, port) = match address {
            UpstreamAddress::Http { host, port } => (false, host, port),
            UpstreamAddress::Https { host, port } => (true, host, port),
            UpstreamAddress::Unix(_) => return Err(fault("is a unix socket")),
        };
        Ok(CollectorUrl { tls, host, port, path: path.to_owned() })
    }

    fn write(&self, value: &CollectorUrl) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^https?://[^/?#@]+(/[^?#]*)?$" })
    }
}

const EXAMPLE: &str = "such as http://127.0.0.1:4318";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_an_address_and_perhaps_a_path() {
        for (text, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318"),
            ("https://otlp.example.com/otlp/", "https://otlp.example.com:443/otlp"),
            ("http://[::1]:4318/a/b", "http://[::1]:4318/a/b"),
        ] {
            let url = CollectorUrlValue.parse(text).unwrap();
            assert_eq!(url.to_string(), expected);
            assert_eq!(CollectorUrlValue.parse(&url.to_string()), Ok(url));
        }
        for text in [
            "",
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "unix:/run/otlp",
            "http://ann:secret@collector",
            "http://collector:4318/v1/traces",
            "http://collector/?a=b",
            "http://collector/#a",
            "http://collector/a b",
        ] {
            let fault = CollectorUrlValue.parse(text).unwrap_err();
            let words = fault.in_words();
            assert!(words.contains(EXAMPLE) && !words.contains("secret"), "{text}: {words}");
        }
    }
}
