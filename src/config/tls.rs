//! `tls`: the names frontgate answers to and the certificate it shows for them.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{CertName, FilePath, List, Quoted, Word};
use super::names::unknown_key;
use super::node::{Node, Value};
use super::problem::Fault;
use super::read::At;

/// The `tls` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// DNS names and IP addresses that the certificate is for.
    pub names: Vec<Name>,
    /// Where the certificate comes from.
    pub certificate: Certificate,
    /// The oldest TLS version spoken.
    pub min_version: TlsVersion,
    /// Whether the plain listeners offer the local CA to devices that do not trust it yet.
    pub ca_page: bool,
}

/// A name a certificate can carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A DNS name, lower case; may begin with `*.`
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Signed by frontgate's own CA, made on first start.
    #[default]
    Local,
    /// PEM files: the chain, leaf first, and its key.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's private key.
        key: PathBuf,
    },
}

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    V1_2,
    /// TLS 1.3 only.
    V1_3,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            names: vec![Name::Dns("localhost".to_owned())],
            certificate: Certificate::Local,
            min_version: TlsVersion::V1_2,
            ca_page: false,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

const VERSIONS: Word<TlsVersion> = Word(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)]);

impl Section for Tls {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("names", List(CertName), &mut self.names, "DNS names and IP addresses that the certificate is for.");
        keys.key(
            "certificate",
            CertificateSource,
            &mut self.certificate,
            "local is signed by frontgate's own CA, made on first start; { cert: FILE, key: FILE } are PEM files, \
             the chain leaf first. Relative paths begin at this file's folder.",
        );
        keys.key("min_version", VERSIONS, &mut self.min_version, "The oldest TLS version spoken.");
        keys.key(
            "ca_page",
            Word::SWITCH,
            &mut self.ca_page,
            "on offers the local CA at /.well-known/frontgate/ca on the plain listeners (listen.http), for phones and other \
             devices that are to trust it.",
        );
        keys.not_yet("client_ca", None);
        keys.not_yet("hsts", None);
        keys.not_yet("acme", None);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        if self.names.is_empty() && self.certificate == Certificate::Local {
            let fault = Fault::new("the local certificate needs a name");
            checks.report(&["names", "certificate"], fault.hint("such as names: [localhost]"));
        }
        if self.ca_page && matches!(self.certificate, Certificate::Files { .. }) {
            let fault = Fault::new("the page offers the local CA, which did not sign the files of tls.certificate");
            checks.report(&["ca_page", "certificate"], fault.hint("ca_page: off"));
        }
    }
}

/// `local`, or two files.
struct CertificateSource;

const PARTS: &[&str] = &["cert", "key"];

impl Kind for CertificateSource {
    type Value = Certificate;

    fn name(&self) -> String {
        "local or { cert: FILE, key: FILE }".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Certificate, Fault> {
        match text {
            "local" => Ok(Certificate::Local),
            "acme" => Err(Fault::new("`acme` is not available yet").hint("local, or { cert: FILE, key: FILE }")),
            _ => Err(Fault::new(format!("{} is not {}", Quoted(text), self.name()))),
        }
    }

    fn write(&self, value: &Certificate) -> Written {
        match value {
            Certificate::Local => Written::Word("local".to_owned()),
            Certificate::Files { cert, key } => {
                Written::Map(vec![("cert", FilePath.write(cert)), ("key", FilePath.write(key))])
            }
        }
    }

    fn schema(&self) -> Json {
        let file = FilePath.schema();
        let files = json!({
            "type": "object",
            "properties": { "cert": file, "key": file },
            "required": PARTS,
            "additionalProperties": false,
        });
        json!({ "anyOf": [{ "const": "local" }, files] })
    }

    fn read(&self, node: &Node, at: &mut At<'_>) -> Option<Certificate> {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Scalar(text) => return self.parse(text).map_err(|fault| at.report(&node.place, fault)).ok(),
            Value::List(_) | Value::Null => {
                at.report(&node.place, Fault::new(format!("expected {}", self.name())));
                return None;
            }
        };
        let known: Vec<String> = PARTS.iter().copied().map(str::to_owned).collect();
        for entry in entries.iter().filter(|entry| !PARTS.contains(&entry.key.as_str())) {
            at.report(&entry.place, unknown_key("", &entry.key, &known));
        }
        let mut file = |part: &str, other: &str| {
            let entry = entries.iter().find(|entry| entry.key == part);
            let Some(entry) = entry.filter(|entry| entry.node.value != Value::Null) else {
                at.report(
                    &node.place,
                    Fault::new(format!("`{part}` is missing")).hint(format!("`{other}` alone is not enough")),
                );
                return None;
            };
            FilePath.read(&entry.node, &mut at.part(part))
        };
        let (cert, key) = (file("cert", "key"), file("key", "cert"));
        Some(Certificate::Files { cert: cert?, key: key? })
    }

    fn parts(&self) -> &'static [&'static str] {
        PARTS
    }
}
