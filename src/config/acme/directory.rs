//! [`Directory`]: the URL of the certificate authority.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// The URL where an ACME server describes itself (RFC 8555 §7.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directory {
    /// Let's Encrypt.
    LetsEncrypt,
    /// Let's Encrypt's test system; no client trusts its certificates.
    LetsEncryptStaging,
    /// Another authority, by its URL.
    Url(String),
}

impl Directory {
    /// The directory's URL.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::LetsEncrypt => "https://acme-v02.api.letsencrypt.org/directory",
            Self::LetsEncryptStaging => "https://acme-staging-v02.api.letsencrypt.org/directory",
            Self::Url(url) => url,
        }
    }
}

/// The kind of `directory`: one of the two words, or a URL.
pub(super) struct DirectoryUrl;

impl KeyKind for DirectoryUrl {
    type Value = Directory;

    fn name(&self) -> String {
        "letsencrypt, letsencrypt-staging or https URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Directory, ValueError> {
        match text {
            "letsencrypt" => return Ok(Directory::LetsEncrypt),
            "letsencrypt-staging" => return Ok(Directory::LetsEncryptStaging),
            _ => {}
        }
        let uri = text.parse::<http::Uri>().ok();
        let authority = uri.as_ref().filter(|uri| uri.scheme_str() == Some("https")).and_then(http::Uri::authority);
        if authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@')) {
            return Ok(Directory::Url(text.to_owned()));
        }
        let fault = ValueError::new(format!("{} is not {}", Quoted(text), self.name()));
        Err(fault.hint("such as https://acme.example.com/directory"))
    }

    fn write(&self, value: &Directory) -> YamlText {
        YamlText::Word(match value {
            Directory::LetsEncrypt => "letsencrypt".to_owned(),
            Directory::LetsEncryptStaging => "letsencrypt-staging".to_owned(),
            Directory::Url(url) => url.clone(),
        })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [
            { "enum": ["letsencrypt", "letsencrypt-staging"] },
            { "type": "string", "pattern": "^https://" },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_a_word_or_an_https_url() {
        for (text, url) in [
            ("letsencrypt", Some("https://acme-v02.api.letsencrypt.org/directory")),
            ("letsencrypt-staging", Some("https://acme-staging-v02.api.letsencrypt.org/directory")),
            ("https://127.0.0.1:14000/dir", Some("https://127.0.0.1:14000/dir")),
            ("http://127.0.0.1:14000/dir", None),
            ("https://ann@acme.example/dir", None),
            ("zerossl", None),
            ("", None),
        ] {
            assert_eq!(DirectoryUrl.parse(text).ok().as_ref().map(Directory::url), url, "{text}");
        }
    }
}
