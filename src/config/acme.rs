//! `tls.acme`: the authority that issues the public certificate, and how frontgate proves that the names are its own.

mod directory;
mod dns;
mod eab;
mod public;

use std::fmt;
use std::path::PathBuf;

use directory::DirectoryUrl;
use public::is_public;
use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{FilePath, Keyed, List, NoValue, Optional, WordOf};
use super::problem::ValueError;
use crate::config::Name;

pub use directory::Directory;
pub use dns::AcmeDns;
pub(crate) use eab::Eab;

/// The `tls.acme` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The certificate authority.
    pub directory: Directory,
    /// The mail address that the authority may write to.
    pub email: Option<String>,
    /// The profile, which is the kind of certificate that is ordered.
    pub profile: AcmeProfile,
    /// PEM file with the CA that the directory's own certificate is checked with, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The ways to prove that a name is ours, in the order to try them.
    pub challenge: Vec<AcmeChallengeKind>,
    /// How records get into the DNS, to prove names by them.
    pub dns: Option<AcmeDns>,
    /// Whether a renewed certificate is for the same key.
    pub reuse_key: bool,
    /// An account with the authority that exists outside of ACME.
    pub eab: Eab,
}

/// Which of the directory's profiles an order asks for (draft-ietf-acme-profiles).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeProfile {
    /// `shortlived` where an IP address needs it, else none.
    Auto,
    /// No profile in the order: the directory uses its default.
    None,
    /// The profile of this name.
    Named(String),
}

/// A way to prove that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeChallengeKind {
    /// A special certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// A file on port 80 (RFC 8555 §8.3).
    Http01,
    /// A record in the DNS (RFC 8555 §8.4), which `tls.acme.dns` says how to make.
    Dns01,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: Directory::LetsEncrypt,
            email: None,
            profile: AcmeProfile::Auto,
            ca_file: None,
            challenge: vec![AcmeChallengeKind::TlsAlpn01, AcmeChallengeKind::Http01],
            dns: None,
            reuse_key: false,
            eab: Eab::default(),
        }
    }
}

impl Acme {
    /// The keys with values other than the defaults.
    pub(super) fn changed(&self) -> impl Iterator<Item = &'static str> + use<> {
        let usual = Self::default();
        let keys = [
            ("directory", self.directory != usual.directory),
            ("email", self.email != usual.email),
            ("profile", self.profile != usual.profile),
            ("ca_file", self.ca_file != usual.ca_file),
            ("challenge", self.challenge != usual.challenge),
            ("dns", self.dns != usual.dns),
            ("reuse_key", self.reuse_key != usual.reuse_key),
            ("eab", self.eab != usual.eab),
        ];
        keys.into_iter().filter_map(|(key, changed)| changed.then_some(key))
    }

    /// Whether the authority may give a certificate for `name`. Let's Encrypt does so only for names of the public
    /// internet; another directory may be a private one.
    pub(crate) fn certifies(&self, name: &Name) -> bool {
        matches!(self.directory, Directory::Url(_)) || is_public(name)
    }
}

impl fmt::Display for AcmeChallengeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        })
    }
}

const CHALLENGES: WordOf<AcmeChallengeKind> =
    WordOf(&[("tls-alpn-01", AcmeChallengeKind::TlsAlpn01), ("http-01", AcmeChallengeKind::Http01)]);

impl KeySection for Acme {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "directory",
            DirectoryUrl,
            &mut self.directory,
            "The certificate authority: letsencrypt, letsencrypt-staging (for trying out), or the URL of another ACME directory.",
        );
        keys.key(
            "email",
            Optional(NoValue::Null, EmailValue),
            &mut self.email,
            "Where the authority may write to about your certificates.",
        );
        keys.key(
            "profile",
            ProfileName,
            &mut self.profile,
            "auto asks for `shortlived` where an IP address needs it, and for nothing special otherwise; none, or a \
             profile that the directory offers.",
        );
        keys.key(
            "ca_file",
            Optional(NoValue::Null, FilePath),
            &mut self.ca_file,
            "PEM file with the CA that a private directory's own certificate is signed by.",
        );
        keys.key(
            "challenge",
            List(CHALLENGES),
            &mut self.challenge,
            "How to prove that the names are yours, the first one first: tls-alpn-01 is answered on the https listeners \
             (port 443 as seen from outside), http-01 on the http ones (port 80).",
        );
        keys.key(
            "dns",
            Optional(NoValue::Null, Keyed::<AcmeDns>::NEW),
            &mut self.dns,
            "How a record gets into the DNS: then names are proven by dns-01 first, wildcards too, and no port need be reachable. By a \
             program of yours, { exec: [program, …] }, or by signed updates (RFC 2136): { rfc2136: { server: 192.0.2.53, zone: example.com, \
             key: { file: acme.key } } }.",
        );
        keys.key(
            "reuse_key",
            WordOf(&[("false", false), ("true", true)]),
            &mut self.reuse_key,
            "true renews for the same key, for clients that pin it (`frontgate cert show`); else each certificate has a key of its own.",
        );
        keys.section(
            "eab",
            "External account binding, for an authority that knows you already and gave you these two.",
            &mut self.eab,
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.challenge.is_empty() {
            let fault = ValueError::new("no way to prove that a name is yours");
            checks.report(&["challenge"], fault.hint("challenge: [tls-alpn-01, http-01]"));
        }
    }
}

struct ProfileName;

impl KeyKind for ProfileName {
    type Value = AcmeProfile;

    fn name(&self) -> String {
        "auto, none or the name of a profile".to_owned()
    }

    fn parse(&self, text: &str) -> Result<AcmeProfile, ValueError> {
        match text {
            "" => Err(ValueError::new("empty")),
            "auto" => Ok(AcmeProfile::Auto),
            "none" => Ok(AcmeProfile::None),
            name => Ok(AcmeProfile::Named(name.to_owned())),
        }
    }

    fn write(&self, value: &AcmeProfile) -> YamlText {
        YamlText::Word(match value {
            AcmeProfile::Auto => "auto".to_owned(),
            AcmeProfile::None => "none".to_owned(),
            AcmeProfile::Named(name) => name.clone(),
        })
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

struct EmailValue;

impl KeyKind for EmailValue {
    type Value = String;

    fn name(&self) -> String {
        "e-mail address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let whole = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
        match text.split_once('@') {
            Some((local, domain)) if whole(local) && whole(domain) && !domain.contains('@') => Ok(text.to_owned()),
            _ => Err(ValueError::new("not an e-mail address").hint("such as ann@example.com")),
        }
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$" })
    }
}
