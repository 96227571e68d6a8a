//! [`CertDescription`]: a certificate in the terms that operators compare and search for.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::cert_info::{CertInfo, covers};
use super::fingerprint::Fingerprint;
use crate::config::Name;

/// The fields of a certificate, as text for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertDescription {
    /// The subject, as `CN=…`.
    pub(crate) subject: String,
    /// The issuer, as `CN=…`.
    pub(crate) issuer: String,
    /// Its subject alternative names, which are the names that clients verify.
    pub(crate) names: Vec<Name>,
    /// The first second in which it is valid.
    pub(crate) not_before: OffsetDateTime,
    /// The last second in which it is valid.
    pub(crate) not_after: OffsetDateTime,
    /// The serial number, unique for its issuer, as hex pairs between colons.
    pub(crate) serial: String,
    /// The kind and size of its public key.
    pub(crate) key: String,
    /// SHA-256 of the whole certificate.
    pub(crate) fingerprint: Fingerprint,
    /// SHA-256 of the public key alone in base64, as `pin-sha256` and `curl --pinnedpubkey` write it. It outlives a
    /// renewal with the same key.
    pub(crate) pin: String,
    /// Whether it may sign other certificates.
    pub(crate) is_ca: bool,
}

impl CertDescription {
    /// Parses a certificate in DER; `None` when it is not one.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let facts = CertInfo::read(der)?;
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: facts.names,
            not_before: facts.not_before,
            not_after: facts.not_after,
            serial: certificate.raw_serial_as_string().to_ascii_uppercase(),
            key: kind_of(certificate.public_key()),
            fingerprint: Fingerprint::of(der),
            pin: STANDARD.encode(digest::digest(&digest::SHA256, &facts.public_key)),
            is_ca: facts.signs,
        })
    }

    /// Whether a client that asks for `name` accepts it.
    pub(crate) fn covers(&self, name: &Name) -> bool {
        covers(&self.names, name)
    }

    /// The whole days it has left; negative when it has expired.
    pub(crate) fn days_left(&self, now: OffsetDateTime) -> i64 {
        (self.not_after - now).whole_days()
    }
}

/// Whether a certificate links its issuer's own (RFC 5280 §4.2.2.1), as those of public authorities do.
pub(crate) fn links_its_issuer(der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.iter().any(|one| one.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}

/// All certificates of a PEM text, in its order; `None` when it holds none, or a section that is no certificate.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all = super::pem::certificates(pem).ok()?;
    (!all.is_empty() && all.iter().all(|one| CertInfo::read(one).is_some())).then_some(all)
}

/// `certificate` as PEM text.
pub(crate) fn to_pem(certificate: &CertificateDer<'_>) -> String {
    super::pem::encode(certificate)
}

fn kind_of(key: &SubjectPublicKeyInfo<'_>) -> String {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => match point.key_size() {
            bits @ (256 | 384) => format!("ECDSA P-{bits}"),
            // 66 bytes a coordinate, of which the curve uses 521 bits.
            528 => "ECDSA P-521".to_owned(),
            bits => format!("ECDSA, {bits} bits"),
        },
        _ => match key.algorithm.algorithm.to_id_string().as_str() {
            // RFC 8410 §3.
            "1.3.101.112" => "Ed25519".to_owned(),
            "1.3.101.113" => "Ed448".to_owned(),
            other => format!("unknown ({other})"),
        },
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
    use time::macros::datetime;

    use super::{CertDescription, certificates, to_pem};

    #[test]
    fn a_certificate_is_described_in_words_that_people_compare() {
        for (algorithm, key) in [
            (&PKCS_ECDSA_P256_SHA256, "ECDSA P-256"),
            (&PKCS_ECDSA_P384_SHA384, "ECDSA P-384"),
            (&PKCS_ED25519, "Ed25519"),
        ] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let mut params = CertificateParams::new(vec!["gw.example".to_owned()]).unwrap();
            params.serial_number = Some(vec![0x0a, 0xbc].into());
            params.not_after = datetime!(2026-12-01 00:00 UTC);
            let made = params.self_signed(&pair).unwrap();
            let read = CertDescription::read(made.der()).unwrap();
            assert_eq!((read.key.as_str(), read.serial.as_str()), (key, "0A:BC"));
            assert_eq!((read.subject.as_str(), read.is_ca), ("CN=rcgen self signed cert", false));
            assert_eq!(read.pin.len(), 44);
            assert_eq!(read.days_left(datetime!(2026-11-30 23:00 UTC)), 0);
            assert_eq!(read.days_left(datetime!(2026-12-03 00:00 UTC)), -2);
            assert_eq!(certificates(to_pem(made.der()).as_bytes()).unwrap(), [made.der().clone()]);
        }
        for nothing in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(certificates(nothing), None);
        }
    }
}
