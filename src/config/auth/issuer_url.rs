//! [`IssuerUrlValue`]: the identifier of an OpenID Connect issuer.

use std::net::IpAddr;

use http::Uri;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// An issuer's identifier (OpenID Connect Discovery 1.0 §3): https without query and fragment. Plain http is for an issuer
/// on this machine only. It is kept letter by letter, since the issuer's own text must equal it.
pub(super) struct IssuerUrlValue;

impl KeyKind for IssuerUrlValue {
    type Value = String;

    fn name(&self) -> String {
        "URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let fault = |what: &str| ValueError::new(format!("the issuer {what}")).hint("such as https://id.example.com");
        let url: Uri = text.parse().map_err(|_| fault("is not a URL"))?;
        let authority = url.authority().ok_or_else(|| fault("is not a URL"))?;
        if text.contains(['@', '#']) || url.query().is_some() {
            return Err(fault("has a user, a query or a fragment"));
        }
        let bare = text.trim_end_matches('/');
        if let Some(issuer) = SETTINGS.iter().find_map(|path| bare.strip_suffix(path)) {
            let fault = ValueError::new("this is the address of the issuer's settings, and not the issuer");
            return Err(fault.hint(format!("write `{issuer}`, letter by letter what is said behind `issuer` there")));
        }
        match url.scheme_str() {
            Some("https") => Ok(text.to_owned()),
            Some("http") if is_loopback(authority.host()) => Ok(text.to_owned()),
            Some("http") => Err(fault("speaks no TLS, so that logins could be read and changed on the way")),
            _ => Err(fault("is not a URL")),
        }
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^https?://[^?#@]+$" })
    }
}

/// What comes behind an issuer in the address of its settings (OpenID Connect Discovery 1.0 §4.1, RFC 8414 §3.1).
const SETTINGS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// Whether `host` is this machine by its text alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_settings_is_no_issuer() {
        for (text, issuer) in [
            ("https://id.example.com/.well-known/openid-configuration", "https://id.example.com"),
            ("https://id.example.com/realms/x/.well-known/openid-configuration/", "https://id.example.com/realms/x"),
            ("https://id.example.com/.well-known/oauth-authorization-server", "https://id.example.com"),
        ] {
            let fault = IssuerUrlValue.parse(text).unwrap_err();
            assert!(fault.hint.as_deref().unwrap().starts_with(&format!("write `{issuer}`,")), "{fault:?}");
        }
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for text in [
            "https://id.example.com",
            "https://id.example.com/",
            "https://id.example.com:8443/realms/home",
            "http://127.0.0.1:9000",
            "http://localhost:9000/oidc",
            "http://[::1]:9000",
        ] {
            assert_eq!(IssuerUrlValue.parse(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "id.example.com",
            "/realms/home",
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "https://ann@id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "ftp://127.0.0.1",
            "unix:/run/id",
        ] {
            assert!(IssuerUrlValue.parse(text).is_err(), "{text}");
        }
    }
}
