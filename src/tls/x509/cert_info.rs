//! [`CertInfo`]: the parts of a certificate that frontgate decides on.

use std::net::IpAddr;

use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config::Name;

/// The parts of a certificate that decisions are made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) struct CertInfo {
    /// Subject alternative names, DNS names in lower case. The common name does not count (RFC 9525 §2).
    pub(in crate::tls) names: Vec<Name>,
    pub(in crate::tls) not_before: OffsetDateTime,
    pub(in crate::tls) not_after: OffsetDateTime,
    /// Whether the certificate may sign others.
    pub(in crate::tls) signs: bool,
    /// Subject, then issuer, in DER as in the certificate.
    pub(in crate::tls) subject: Vec<u8>,
    pub(in crate::tls) issuer: Vec<u8>,
    /// The public key, in DER as in the certificate.
    pub(in crate::tls) public_key: Vec<u8>,
}

impl CertInfo {
    /// Parses a certificate in DER; `None` when it is not one.
    pub(in crate::tls) fn read(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let names = match certificate.subject_alternative_name().ok()? {
            Some(extension) => extension.value.general_names.iter().filter_map(name).collect(),
            None => Vec::new(),
        };
        Some(Self {
            names,
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            signs: certificate.is_ca(),
            subject: certificate.subject().as_raw().to_owned(),
            issuer: certificate.issuer().as_raw().to_owned(),
            public_key: certificate.public_key().raw.to_owned(),
        })
    }

    /// Whether a client that asks for `name` accepts this certificate. A wildcard stands for exactly one label
    /// (RFC 9525 §6.3).
    pub(in crate::tls) fn covers(&self, name: &Name) -> bool {
        covers(&self.names, name)
    }
}

/// Whether a certificate for `names` is valid for `name`.
pub(in crate::tls) fn covers(names: &[Name], name: &Name) -> bool {
    names.iter().any(|own| match (own, name) {
        (Name::Dns(own), Name::Dns(name)) => own == name || wildcard_covers(own, name),
        (own, name) => own == name,
    })
}

fn wildcard_covers(own: &str, name: &str) -> bool {
    match (own.strip_prefix("*."), name.split_once('.')) {
        (Some(parent), Some((label, rest))) => label != "*" && !label.is_empty() && parent == rest,
        _ => false,
    }
}

fn name(name: &GeneralName<'_>) -> Option<Name> {
    match name {
        GeneralName::DNSName(name) => Some(Name::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => {
            let ip = <[u8; 4]>::try_from(*bytes)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            ip.ok().map(Name::Ip)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::wildcard_covers;

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        for (own, name, covers) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("a.example.com", "b.example.com", false),
            // A client that asks for the wildcard needs the wildcard itself in the certificate.
            ("*.example.com", "*.example.com", false),
        ] {
            assert_eq!(wildcard_covers(own, name), covers, "{own} for {name}");
        }
    }
}
