//! [`NewConfig`]: a config that a command writes for the user, from what the user has said.

mod parts;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::failure::CommandFailure;
use crate::config::{self, ConfigLocation, Overrides, written};

pub(super) use parts::{GatewayParts, PortalsPart};

/// A config that a command writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewConfig {
    pub(super) upstream: String,
    pub(super) names: Vec<String>,
    pub(super) certificate: CertificateAnswer,
    pub(super) listen: String,
    /// What the gateway has besides its own listener; only `frontgate openclaw setup` asks for that.
    pub(super) parts: Option<GatewayParts>,
}

/// Where the certificate is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateAnswer {
    Local,
    Acme,
    Files { cert: String, key: String },
}

impl Default for NewConfig {
    fn default() -> Self {
        Self {
            upstream: "http://127.0.0.1:18789".to_owned(),
            names: vec!["localhost".to_owned()],
            certificate: CertificateAnswer::Local,
            listen: ":8443".to_owned(),
            parts: None,
        }
    }
}

impl CertificateAnswer {
    /// Reads `local`, `acme` or `CERT,KEY`.
    ///
    /// # Errors
    /// It is none of these.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "acme" => Ok(Self::Acme),
            _ => match text.split_once(',') {
                Some((cert, key)) if !cert.trim().is_empty() && !key.trim().is_empty() => {
                    Ok(Self::Files { cert: cert.trim().to_owned(), key: key.trim().to_owned() })
                }
                _ => Err("local, acme, or two files with a comma between: cert.pem,key.pem".to_owned()),
            },
        }
    }
}

impl NewConfig {
    /// Whether frontgate would run on it as `file`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn check(&self, file: &Path) -> Result<(), String> {
        let location = ConfigLocation::Text { text: self.yaml(), file: file.to_owned() };
        config::load(location, [], &Overrides::default()).map(drop).map_err(|problems| problems.to_string())
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(&self, file: &Path) -> Result<(), CommandFailure> {
        let mut draft = file.to_owned().into_os_string();
        draft.push(".new");
        let written = fs::write(&draft, self.yaml()).and_then(|()| fs::rename(&draft, file));
        written.with_context(|| format!("cannot write {}", file.display()))?;
        Ok(())
    }

    /// Whether a name looks like one of the public internet.
    pub(super) fn has_public_name(&self) -> bool {
        let private = ["local", "lan", "home", "internal", "localhost", "test", "arpa", "localdomain"];
        self.names.iter().any(|name| {
            let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            name.contains('.')
                && last.starts_with(|c: char| c.is_ascii_alphabetic())
                && !private.contains(&last.as_str())
        })
    }

    /// The same with that certificate, and the usual address for it.
    pub(super) fn with(mut self, certificate: CertificateAnswer) -> Self {
        let listen = if certificate == CertificateAnswer::Local { ":8443" } else { ":443" };
        listen.clone_into(&mut self.listen);
        self.certificate = certificate;
        self
    }

    /// The config.
    pub(super) fn yaml(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| written(name)).collect();
        let certificate = match &self.certificate {
            CertificateAnswer::Local => "local".to_owned(),
            CertificateAnswer::Acme => "acme".to_owned(),
            CertificateAnswer::Files { cert, key } => format!("{{ cert: {}, key: {} }}", written(cert), written(key)),
        };
        let command = if self.parts.is_some() { "openclaw setup" } else { "init" };
        let mut yaml = format!("# Written by `frontgate {command}`. All keys: `frontgate man frontgate.yaml`.\n");
        let parts = self.parts.as_ref();
        let groups = parts.is_some_and(|parts| parts.pin.is_some());
        // Writing to a string cannot fail.
        let _ = parts.map(|parts| writeln!(yaml, "public_origin: {}", written(&parts.origin())));
        let _ = if groups { Ok(()) } else { writeln!(yaml, "upstream: {}", written(&self.upstream)) };
        let _ = writeln!(yaml, "tls:\n  names: [{}]\n  certificate: {certificate}", names.join(", "));
        if self.certificate == CertificateAnswer::Acme {
            let _ = parts.map(|parts| parts.write_acme(&mut yaml));
        }
        let _ = writeln!(yaml, "listen:\n  https: [{}]", written(&self.listen));
        if self.certificate == CertificateAnswer::Acme {
            let _ =
                writeln!(yaml, "  http: [\":80\"]   # answers the certificate authority, and leads browsers to https");
        }
        let _ = parts.map(|parts| parts.write_routes(&mut yaml, &self.upstream));
        yaml
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Certificate, load};

    #[test]
    fn the_answers_make_a_config_that_is_accepted() {
        let named = NewConfig { names: vec!["gw.example.com".to_owned(), "::1".to_owned()], ..NewConfig::default() };
        let files = CertificateAnswer::of("a: b.pem, key.pem").unwrap();
        for (answers, https) in [
            (NewConfig::default(), "[::]:8443"),
            (named.clone().with(CertificateAnswer::Acme), "[::]:443"),
            (named.with(files), "[::]:443"),
        ] {
            let source = ConfigLocation::Text { text: answers.yaml(), file: "f.yaml".into() };
            let config = load(source, [], &Overrides::default()).unwrap_or_else(|error| panic!("{error}")).config;
            assert_eq!(config.listen.https[0].address.to_string(), https);
            assert_eq!(config.listen.http.len(), usize::from(config.tls.certificate == Certificate::Acme));
        }
    }

    #[test]
    fn public_names_suggest_a_public_certificate() {
        for (name, expected) in [
            ("gw.example.com", true),
            ("gw.lan", false),
            ("gw.local", false),
            ("localhost", false),
            ("192.168.1.5", false),
        ] {
            let answers = NewConfig { names: vec![name.to_owned()], ..NewConfig::default() };
            assert_eq!(answers.has_public_name(), expected, "{name}");
        }
        assert!(CertificateAnswer::of("cert.pem").is_err());
    }
}
