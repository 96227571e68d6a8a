//! [`LoginServiceUrl`]: where a login service is asked.

use std::fmt;

use http::uri::PathAndQuery;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;
use crate::config::upstream::{UpstreamAddress, UpstreamUrl};

/// Where a login service is asked: an address, and the target of each question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginServiceUrl {
    /// Where it listens.
    pub(crate) address: UpstreamAddress,
    /// The path and the query of the question.
    pub(crate) target: PathAndQuery,
}

impl fmt::Display for LoginServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.address, self.target)
    }
}

/// The kind of a login service's URL. A fault of one is described without repeating it.
pub(super) struct LoginServiceUrlValue;

impl KeyKind for LoginServiceUrlValue {
    type Value = LoginServiceUrl;

    fn name(&self) -> String {
        "URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<LoginServiceUrl, ValueError> {
        let begin = text.find("://").map_or(0, |at| at + 3);
        let end = text[begin..].find(['/', '?', '#']).map_or(text.len(), |at| begin + at);
        let (place, target) = text.split_at(end);
        if target.contains('#') {
            return Err(ValueError::new("the URL has a fragment").hint("remove it; no server gets to see one"));
        }
        let address = UpstreamUrl.parse(place)?;
        let rooted = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let target = PathAndQuery::try_from(rooted).map_err(|_| {
            ValueError::new("the URL has no valid path").hint("such as http://127.0.0.1:9091/api/authz/auth-request")
        })?;
        Ok(LoginServiceUrl { address, target })
    }

    fn write(&self, value: &LoginServiceUrl) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^https?://[^/?#@]+([/?][^#]*)?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_service_has_an_address_and_a_target() {
        for (text, expected) in [
            (
                "http://127.0.0.1:9091/api/verify?rd=https://id.example.com/",
                "http://127.0.0.1:9091/api/verify?rd=https://id.example.com/",
            ),
            ("https://id.example.com", "https://id.example.com:443/"),
            ("http://id?x", "http://id:80/?x"),
            ("http://[::1]:4180/oauth2/auth", "http://[::1]:4180/oauth2/auth"),
        ] {
            let url = LoginServiceUrlValue.parse(text).unwrap();
            assert_eq!(url.to_string(), expected);
            assert_eq!(LoginServiceUrlValue.parse(&url.to_string()), Ok(url));
        }
        for text in
            ["", "/auth", "id.example.com/auth", "http://ann:secret@id/", "http://id/#x", "ftp://id/", "http://id/a b"]
        {
            assert!(LoginServiceUrlValue.parse(text).is_err(), "{text}");
        }
    }
}
