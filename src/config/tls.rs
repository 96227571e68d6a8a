//! `tls`: the names frontgate answers to and the certificate it shows for them.

mod certificate;

use super::acme::Acme;
use super::keys::{KeySection, Keys, SectionChecks};
use super::kinds::{CertName, ClientCa, ClientCaFile, Hsts, HstsPolicy, List, Name, NoValue, Optional, WordOf};
use super::problem::ValueError;

use certificate::CertificateOf;

pub use certificate::{Certificate, CertificateFiles, CertificateSource, NamedCertificate};

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
            CertificateOf,
            &mut self.certificate,
            "local is signed by frontgate's own CA, made on first start; acme is a public one, with the local one shown \
             until it is there; { cert: FILE, key: FILE } are PEM files, the chain leaf first, which are read again when they change. Of a list each client gets the one for the name it asks \
             for, and the first if there is none. In a list of { names: [NAME], source: local | acme | files } each name has a source of its own, \
             and those of tls.names that no item has are local. `ocsp: FILE` is an OCSP response (DER) to staple. Relative paths begin \
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
        if let Certificate::Named(named) = &self.certificate {
            for (index, one) in named.iter().enumerate() {
                for name in one.names.iter().filter(|name| !self.names.contains(name)) {
                    let fault = ValueError::new(format!("{name} is not among tls.names"));
                    let hint = format!("tls: {{ names: [{name}] }}");
                    checks.report(&[&format!("certificate[{index}].names"), "names"], fault.hint(hint));
                }
                let earlier = named[..index].iter().flat_map(|other| &other.names);
                for name in earlier.filter(|name| one.names.contains(name)) {
                    let fault = ValueError::new(format!("{name} has a source already"));
                    checks.report(&[&format!("certificate[{index}].names")], fault.hint("list each name once"));
                }
            }
        }
        if self.ca_page && !self.is_local() {
            let fault =
                ValueError::new("the page offers the local CA, which did not sign the files of tls.certificate");
            checks.report(&["ca_page", "certificate"], fault.hint("ca_page: off"));
        }
        if self.uses_acme() {
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
    /// Whether some certificates come from a public authority.
    pub(crate) fn uses_acme(&self) -> bool {
        match &self.certificate {
            Certificate::Acme => true,
            Certificate::Named(named) => named.iter().any(|one| one.source == CertificateSource::Acme),
            Certificate::Local | Certificate::Files(_) => false,
        }
    }

    /// The names whose certificates come from a public authority.
    pub(crate) fn acme_names(&self) -> Vec<Name> {
        let is_public = |name: &&Name| self.certificate.of(name) == Some(CertificateSource::Acme);
        self.names.iter().filter(is_public).cloned().collect()
    }

    /// The names of the local certificate, which also stands in for public ones that are not there yet.
    pub(crate) fn local_names(&self) -> Vec<Name> {
        let is_ours = |name: &&Name| {
            matches!(self.certificate.of(name), Some(CertificateSource::Local | CertificateSource::Acme))
        };
        self.names.iter().filter(is_ours).cloned().collect()
    }

    /// Whether there is a local certificate.
    pub(crate) fn is_local(&self) -> bool {
        match &self.certificate {
            Certificate::Local | Certificate::Acme => true,
            Certificate::Files(_) => false,
            Certificate::Named(_) => !self.local_names().is_empty(),
        }
    }

    /// The names whose certificates come from files.
    pub(crate) fn file_names(&self) -> Vec<Name> {
        if matches!(self.certificate, Certificate::Files(_)) {
            return self.names.clone();
        }
        let ours = self.local_names();
        self.names.iter().filter(|name| !ours.contains(name)).cloned().collect()
    }

    fn check_acme(&self, checks: &mut SectionChecks<'_>) {
        let is_wildcard = |name: &&Name| matches!(name, Name::Dns(name) if name.starts_with("*."));
        let names = self.acme_names();
        if let Some(name) = names.iter().find(is_wildcard).filter(|_| self.acme.dns.is_none()) {
            let fault = ValueError::new(format!("acme gets no certificate for {name}: a wildcard needs DNS records"));
            checks.report(&["names", "certificate"], fault.hint("list the names one by one, or set acme.dns"));
        } else if !names.iter().any(|name| self.acme.certifies(name)) {
            let fault = ValueError::new("acme needs a name that the public internet knows");
            checks.report(
                &["names", "certificate"],
                fault.hint("such as names: [gw.example.com], or --name gw.example.com"),
            );
        }
    }
}
