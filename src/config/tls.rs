//! `tls`: the names frontgate answers to and the certificate it shows for them.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::acme::Acme;
use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{
    CertName, ClientCa, ClientCaFile, FilePath, Hsts, HstsPolicy, List, Name, NoValue, Optional, Quoted, WordOf,
};
use super::names::unknown_key;
use super::node::{ConfigEntry, ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::SettingReader;

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
    /// The CA of client certificates; `None` asks clients for none.
    pub client_ca: Option<ClientCa>,
    /// When browsers are told to use nothing but https.
    pub hsts: Hsts,
    /// How a public certificate is obtained.
    pub acme: Acme,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// A certificate signed by frontgate's own CA, made on first start.
    #[default]
    Local,
    /// A public certificate, by ACME; the local one until it is obtained.
    Acme,
    /// Certificates of another issuer, in files. At least one; the first is shown for names that no certificate covers.
    Files(Vec<CertificateFiles>),
}

/// A certificate and its key in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Path of the chain in PEM, leaf first.
    pub cert: PathBuf,
    /// Path of the leaf's private key in PEM.
    pub key: PathBuf,
    /// Path of the issuer's statement on the certificate's revocation in DER, sent along (OCSP staple).
    pub ocsp: Option<PathBuf>,
}

/// The oldest TLS version that is accepted.
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
            client_ca: None,
            hsts: Hsts::Auto,
            acme: Acme::default(),
        }
    }
}

const VERSIONS: WordOf<TlsVersion> = WordOf(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)]);

impl KeySection for Tls {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("names", List(CertName), &mut self.names, "DNS names and IP addresses that the certificate is for.");
        keys.key(
            "certificate",
            CertificateSource,
            &mut self.certificate,
            "local is signed by frontgate's own CA, made on first start; acme is a public one, with the local one shown \
             until it is there; { cert: FILE, key: FILE } are PEM files, the chain leaf first, which are read again when they change. Of a list each client gets the one for the name it asks \
             for, and the first if there is none. `ocsp: FILE` is an OCSP response (DER) to staple. Relative paths begin \
             at this file's folder.",
        );
        keys.key("min_version", VERSIONS, &mut self.min_version, "The oldest TLS version spoken.");
        keys.key(
            "ca_page",
            WordOf::SWITCH,
            &mut self.ca_page,
            "on offers the local CA at /.well-known/frontgate/ca on the plain listeners (listen.http), for phones and other \
             devices that are to trust it.",
        );
        keys.key(
            "client_ca",
            Optional(NoValue::Null, ClientCaFile),
            &mut self.client_ca,
            "PEM file with the CA of clients: each must then show a certificate that it signed, or may with mode: optional. \
             The gateway is told the client's name in X-Client-Cert-Subject (RFC 4514) and X-Client-Cert-Fingerprint (SHA-256).",
        );
        keys.key(
            "hsts",
            HstsPolicy,
            &mut self.hsts,
            "When answers over https carry Strict-Transport-Security, unless the gateway sets it itself. auto: for a year \
             when the certificate is publicly trusted, never with the local CA. A duration: always, for that long; 0s makes \
             browsers forget.",
        );
        keys.section("acme", "How a public certificate is obtained, with certificate: acme.", &mut self.acme);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.names.is_empty() && self.certificate == Certificate::Local {
            let fault = ValueError::new("the local certificate needs a name");
            checks.report(&["names", "certificate"], fault.hint("such as names: [localhost]"));
        }
        if self.ca_page && matches!(self.certificate, Certificate::Files { .. }) {
            let fault =
                ValueError::new("the page offers the local CA, which did not sign the files of tls.certificate");
            checks.report(&["ca_page", "certificate"], fault.hint("ca_page: off"));
        }
        if self.certificate == Certificate::Acme {
            self.check_acme(checks);
        } else {
            for key in self.acme.changed() {
                let fault = ValueError::new("without `certificate: acme` no certificate authority is asked");
                checks.report(
                    &[&format!("acme.{key}")],
                    fault.hint("write `certificate: acme`, or remove this").warning(),
                );
            }
        }
    }
}

impl Tls {
    fn check_acme(&self, checks: &mut SectionChecks<'_>) {
        let is_wildcard = |name: &&Name| matches!(name, Name::Dns(name) if name.starts_with("*."));
        if let Some(name) = self.names.iter().find(is_wildcard).filter(|_| self.acme.dns.is_none()) {
            let fault = ValueError::new(format!("acme gets no certificate for {name}: a wildcard needs DNS records"));
            checks.report(&["names", "certificate"], fault.hint("list the names one by one, or set acme.dns"));
        } else if !self.names.iter().any(|name| self.acme.certifies(name)) {
            let fault = ValueError::new("acme needs a name that the public internet knows");
            checks.report(
                &["names", "certificate"],
                fault.hint("such as names: [gw.example.com], or --name gw.example.com"),
            );
        }
    }
}

/// The kind of `certificate`: `local`, `acme`, or files.
struct CertificateSource;

const PARTS: &[&str] = &["cert", "key", "ocsp"];
const NEEDED: &[&str] = &["cert", "key"];

impl KeyKind for CertificateSource {
    type Value = Certificate;

    fn name(&self) -> String {
        "local, acme, { cert: FILE, key: FILE }, or a list of such files".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Certificate, ValueError> {
        match text {
            "local" => Ok(Certificate::Local),
            "acme" => Ok(Certificate::Acme),
            _ => Err(ValueError::new(format!("{} is not {}", Quoted(text), self.name()))),
        }
    }

    fn write(&self, value: &Certificate) -> YamlText {
        match value {
            Certificate::Local => YamlText::Word("local".to_owned()),
            Certificate::Acme => YamlText::Word("acme".to_owned()),
            Certificate::Files(files) => match files.as_slice() {
                [one] => write_files(one),
                several => YamlText::List(several.iter().map(write_files).collect()),
            },
        }
    }

    fn schema(&self) -> Json {
        let file = FilePath.schema();
        let files = json!({
            "type": "object",
            "properties": { "cert": file, "key": file, "ocsp": file },
            "required": NEEDED,
            "additionalProperties": false,
        });
        json!({ "anyOf": [{ "enum": ["local", "acme"] }, files, { "type": "array", "items": files, "minItems": 1 }] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Certificate> {
        match &node.value {
            ConfigValue::Scalar(text) => self.parse(text).map_err(|fault| at.report(&node.place, fault)).ok(),
            ConfigValue::Map(entries) => Some(Certificate::Files(vec![read_files(node, entries, at)?])),
            ConfigValue::List(items) if !items.is_empty() => {
                let read: Vec<_> =
                    items.iter().enumerate().map(|(index, item)| read_item(item, &mut at.item(index))).collect();
                read.into_iter().collect::<Option<_>>().map(Certificate::Files)
            }
            ConfigValue::List(_) | ConfigValue::Null => {
                at.report(&node.place, ValueError::new(format!("expected {}", self.name())));
                None
            }
        }
    }

    fn parts(&self) -> &'static [&'static str] {
        PARTS
    }
}

fn write_files(files: &CertificateFiles) -> YamlText {
    let mut parts = vec![("cert", FilePath.write(&files.cert)), ("key", FilePath.write(&files.key))];
    parts.extend(files.ocsp.as_ref().map(|ocsp| ("ocsp", FilePath.write(ocsp))));
    YamlText::parts(parts)
}

fn read_item(item: &ConfigNode, at: &mut SettingReader<'_>) -> Option<CertificateFiles> {
    if let ConfigValue::Map(entries) = &item.value {
        return read_files(item, entries, at);
    }
    at.report(&item.place, ValueError::new("expected { cert: FILE, key: FILE }"));
    None
}

fn read_files(node: &ConfigNode, entries: &[ConfigEntry], at: &mut SettingReader<'_>) -> Option<CertificateFiles> {
    let known: Vec<String> = PARTS.iter().copied().map(str::to_owned).collect();
    for entry in entries.iter().filter(|entry| !PARTS.contains(&entry.key.as_str())) {
        at.report(&entry.place, unknown_key("", &entry.key, &known));
    }
    let given = |part: &str| entries.iter().find(|entry| entry.key == part && entry.node.value != ConfigValue::Null);
    let mut file = |part: &str, other: &str| {
        let Some(entry) = given(part) else {
            let fault = ValueError::new(format!("`{part}` is missing")).hint(format!("`{other}` alone is not enough"));
            at.report(&node.place, fault);
            return None;
        };
        FilePath.read(&entry.node, &mut at.part(part))
    };
    let (cert, key) = (file("cert", "key"), file("key", "cert"));
    let ocsp = match given("ocsp") {
        Some(entry) => Some(FilePath.read(&entry.node, &mut at.part("ocsp"))?),
        None => None,
    };
    Some(CertificateFiles { cert: cert?, key: key?, ocsp })
}
