//! [`InitAnswers`]: what the user has answered, and the config that it makes. Pure.

use std::fmt::Write as _;

use crate::config::written;

/// What the user has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InitAnswers {
    pub(super) upstream: String,
    pub(super) names: Vec<String>,
    pub(super) certificate: CertificateAnswer,
    pub(super) listen: String,
}

/// Where the certificate is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateAnswer {
    Local,
    Acme,
    Files { cert: String, key: String },
}

impl Default for InitAnswers {
    fn default() -> Self {
        Self {
            upstream: "http://127.0.0.1:18789".to_owned(),
            names: vec!["localhost".to_owned()],
            certificate: CertificateAnswer::Local,
            listen: ":8443".to_owned(),
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

impl InitAnswers {
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
        let mut yaml = format!(
            "# Written by `frontgate init`. All keys: `frontgate man frontgate.yaml`.\nupstream: {}\ntls:\n  names: [{}]\n  certificate: {certificate}\n\
             listen:\n  https: [{}]\n",
            written(&self.upstream),
            names.join(", "),
            written(&self.listen),
        );
        if self.certificate == CertificateAnswer::Acme {
            // Writing to a string cannot fail.
            let _ =
                writeln!(yaml, "  http: [\":80\"]   # answers the certificate authority, and leads browsers to https");
        }
        yaml
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Certificate, ConfigLocation, Overrides, load};

    #[test]
    fn the_answers_make_a_config_that_is_accepted() {
        let named =
            InitAnswers { names: vec!["gw.example.com".to_owned(), "::1".to_owned()], ..InitAnswers::default() };
        let files = CertificateAnswer::of("a: b.pem, key.pem").unwrap();
        for (answers, https) in [
            (InitAnswers::default(), "[::]:8443"),
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
            let answers = InitAnswers { names: vec![name.to_owned()], ..InitAnswers::default() };
            assert_eq!(answers.has_public_name(), expected, "{name}");
        }
        assert!(CertificateAnswer::of("cert.pem").is_err());
    }
}
