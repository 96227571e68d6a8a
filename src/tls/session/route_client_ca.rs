//! [`RouteClientCa`]: the CA whose certificates let clients in on a route.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client_certificates::{ClientCaError, ClientVerification, roots};
use super::crypto;

/// The CA whose certificates let clients in on a route.
#[derive(Debug, Clone)]
pub(crate) struct RouteClientCa {
    roots: Arc<RootCertStore>,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// A client whose certificate is from the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertifiedClient {
    /// The e-mail address in the certificate, else its common name.
    pub(crate) name: Arc<str>,
    /// When the certificate ends.
    pub(crate) until: SystemTime,
}

impl RouteClientCa {
    /// Reads the CA's certificates from the file.
    pub(crate) fn open(file: &Path) -> Result<Self, ClientCaError> {
        let roots = Arc::new(roots(file)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), crypto::provider()).build();
        let verifier = verifier.map_err(|_| ClientCaError::NoCertificate { path: file.to_owned() })?;
        Ok(Self { roots, verifier })
    }

    /// The client that this chain certifies; `None` if the CA does not, or its certificate names no client. The
    /// handshake has verified that the client has the key.
    pub(crate) fn certified(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> Option<CertifiedClient> {
        let (leaf, others) = chain.split_first()?;
        let moment = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        self.verifier.verify_client_cert(leaf, others, UnixTime::since_unix_epoch(moment)).ok()?;
        let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
        let until = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        let until = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(until))?;
        Some(CertifiedClient { name: name_of(&certificate)?.into(), until })
    }
}

impl ClientVerification {
    /// The verification for handshakes of clients of any of these routes, none of which needs a certificate.
    ///
    /// # Errors
    /// If there is no CA.
    pub(crate) fn of_routes<'a>(
        cas: impl Iterator<Item = &'a RouteClientCa>,
    ) -> Result<Self, rustls::server::VerifierBuilderError> {
        let mut all = RootCertStore::empty();
        for ca in cas {
            all.roots.extend(ca.roots.roots.iter().cloned());
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(all), crypto::provider());
        verifier.allow_unauthenticated().build().map(Self)
    }
}

/// The first e-mail address (RFC 5280 §4.2.1.6), else the one common name.
fn name_of<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    let names = certificate.subject_alternative_name().ok().flatten().map(|names| &names.value.general_names);
    let address = names.into_iter().flatten().find_map(|name| match name {
        GeneralName::RFC822Name(address) => Some(*address),
        _ => None,
    });
    let common = || {
        let mut names = certificate.subject().iter_common_name();
        let (Some(name), None) = (names.next(), names.next()) else { return None };
        name.as_str().ok()
    };
    let readable = |name: &&str| !name.trim().is_empty() && name.trim() == *name && !name.chars().any(char::is_control);
    address.or_else(common).filter(readable)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

    use super::*;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        ca: RouteClientCa,
        _file: tempfile::NamedTempFile,
    }

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        let ca = RouteClientCa::open(file.path()).unwrap();
        Authority { issuer: Issuer::new(params, key), ca, _file: file }
    }

    fn client(by: &Authority, change: impl Fn(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &by.issuer).unwrap().der().clone()
    }

    #[test]
    fn a_client_is_its_address_else_its_common_name() {
        let (own, other) = (authority(), authority());
        let mail = |params: &mut CertificateParams| {
            let address = "ann@example.com".try_into().unwrap();
            params.subject_alt_names =
                vec![SanType::DnsName("x.lan".try_into().unwrap()), SanType::Rfc822Name(address)];
        };
        let named = |params: &mut CertificateParams| params.distinguished_name.push(DnType::CommonName, "robot");
        let nobody = |params: &mut CertificateParams| params.distinguished_name = rcgen::DistinguishedName::new();
        let both = |params: &mut CertificateParams| {
            named(params);
            mail(params);
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let name = |leaf: CertificateDer<'static>, now| own.ca.certified(&[leaf], now).map(|client| client.name);
        assert_eq!(name(client(&own, both), now).as_deref(), Some("ann@example.com"));
        assert_eq!(name(client(&own, named), now).as_deref(), Some("robot"));
        assert_eq!(name(client(&own, nobody), now), None);
        assert_eq!(name(client(&other, both), now), None, "another CA's");
        assert_eq!(name(client(&own, both), now + Duration::from_hours(20_000 * 24)), None, "it has ended");
        assert_eq!(own.ca.certified(&[], now), None);
        let until = own.ca.certified(&[client(&own, named)], now).unwrap().until;
        assert_eq!(until, SystemTime::UNIX_EPOCH + Duration::from_hours(525_960));
    }
}
