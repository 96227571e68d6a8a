//! [`TsigKey`]: the key that updates of a zone are signed with (RFC 8945), as name servers write it into a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::contents;

/// A key for updates of a zone.
pub(super) struct TsigKey {
    pub(super) name: String,
    /// The name of its algorithm, as messages have it.
    pub(super) algorithm: &'static str,
    pub(super) key: hmac::Key,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum DnsKeyError {
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{0} holds no key; expected key \"NAME\" {{ algorithm hmac-sha256; secret \"…\"; }};")]
    NoKey(PathBuf),
    #[error("{0} has a key for {1}, which is not supported: make one with hmac-sha256")]
    Algorithm(PathBuf, String),
}

impl TsigKey {
    /// Reads the key from a file.
    pub(super) fn read(file: &Path) -> Result<Self, DnsKeyError> {
        let bytes = contents(file).map_err(|error| DnsKeyError::Unreadable(file.to_owned(), error))?;
        let no_key = || DnsKeyError::NoKey(file.to_owned());
        let written = WrittenKey::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(no_key)?;
        let (algorithm, by) = match written.algorithm.to_ascii_lowercase().trim_end_matches('.') {
            "hmac-sha256" => ("hmac-sha256", hmac::HMAC_SHA256),
            "hmac-sha384" => ("hmac-sha384", hmac::HMAC_SHA384),
            "hmac-sha512" => ("hmac-sha512", hmac::HMAC_SHA512),
            other => return Err(DnsKeyError::Algorithm(file.to_owned(), other.to_owned())),
        };
        let secret = STANDARD.decode(written.secret).ok().filter(|secret| !secret.is_empty()).ok_or_else(no_key)?;
        Ok(Self { name: written.name.to_ascii_lowercase(), algorithm, key: hmac::Key::new(by, &secret) })
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The three words of a key, as BIND has them in braces and Knot in lines.
#[derive(Debug, PartialEq, Eq)]
struct WrittenKey {
    name: String,
    algorithm: String,
    secret: String,
}

impl WrittenKey {
    fn parse(text: &str) -> Option<Self> {
        // Two slashes begin a comment behind a blank; a secret may have them, too.
        let plain = |line: &'_ str| {
            let line = line.split('#').next().unwrap_or_default();
            let line = if line.starts_with("//") { "" } else { line };
            line.split(" //").next().unwrap_or_default().to_owned()
        };
        let text = text.lines().map(plain).collect::<Vec<_>>().join("\n");
        let splits = |c: char| c.is_whitespace() || [';', '{', '}', '"', ','].contains(&c);
        let words: Vec<&str> = text.split(splits).filter(|word| !word.is_empty()).collect();
        let behind = |names: &[&str]| {
            let at = words.iter().position(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)))?;
            words.get(at + 1).map(|word| (*word).to_owned())
        };
        Some(Self {
            name: behind(&["id:"]).or_else(|| behind(&["key"]))?.trim_end_matches('.').to_owned(),
            algorithm: behind(&["algorithm", "algorithm:"])?,
            secret: behind(&["secret", "secret:"])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_name_servers_write_it() {
        let expected = WrittenKey {
            name: "acme.example.com".to_owned(),
            algorithm: "hmac-sha256".to_owned(),
            secret: "c2Vj//mV0Cg==".to_owned(),
        };
        for text in [
            "key \"acme.example.com.\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2Vj//mV0Cg==\";\n};\n",
            "key acme.example.com { algorithm hmac-sha256; secret \"c2Vj//mV0Cg==\"; }; // mine",
            "# hmac-sha256:acme.example.com:x\nkey:\n- id: acme.example.com.\n  algorithm: hmac-sha256\n  secret: c2Vj//mV0Cg==\n",
        ] {
            assert_eq!(WrittenKey::parse(text).as_ref(), Some(&expected), "{text}");
        }
        for text in ["", "key", "key a { algorithm hmac-sha256; }", "secret x"] {
            assert_eq!(WrittenKey::parse(text), None, "{text}");
        }
    }
}
