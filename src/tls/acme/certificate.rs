//! [`Obtained`]: a public certificate with its key, as it is shown and as it is kept.

use std::sync::Arc;

use instant_acme::CertificateIdentifier;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::schedule::Life;
use crate::config::{Name, Secret};
use crate::tls::Fingerprint;
use crate::tls::session::crypto;
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::pem;

/// A public certificate with its key, checked.
#[derive(Debug, Clone)]
pub(super) struct Obtained {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) life: Life,
    /// The private key as it is kept.
    pub(super) key_pem: Secret,
}

/// Why a certificate from the authority or from disk is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateFlaw {
    #[error("it cannot be read")]
    Unreadable,
    #[error("it has no usable private key")]
    NoKey,
    #[error("it belongs to another key")]
    OtherKey,
    #[error("it is for other names")]
    OtherNames,
    #[error("it has ended")]
    Ended,
}

/// A key, and the request for a certificate that goes with it.
pub(super) struct CertificateRequest {
    pub(super) key_pem: String,
    pub(super) request: Vec<u8>,
}

impl Obtained {
    /// Reads key and chain, leaf first, from one text.
    pub(super) fn read(text: &[u8], name: &Name, now: OffsetDateTime) -> Result<Self, CertificateFlaw> {
        let chain = pem::certificates(text).map_err(|_| CertificateFlaw::Unreadable)?;
        let facts = chain.first().and_then(|leaf| CertInfo::read(leaf)).ok_or(CertificateFlaw::Unreadable)?;
        let key: PrivateKeyDer<'static> = pem::private_key(text).ok().flatten().ok_or(CertificateFlaw::NoKey)?;
        let key = crypto::provider().key_provider.load_private_key(key).map_err(|_| CertificateFlaw::NoKey)?;
        if key.public_key().is_some_and(|public| public.as_ref() != facts.public_key) {
            return Err(CertificateFlaw::OtherKey);
        }
        if !facts.covers(name) {
            return Err(CertificateFlaw::OtherNames);
        }
        if facts.not_after <= now {
            return Err(CertificateFlaw::Ended);
        }
        let life = Life { not_before: facts.not_before, not_after: facts.not_after, obtained: now };
        let key_pem = Secret::new(pem::only_private_key(text).unwrap_or_default());
        Ok(Self { certified: Arc::new(CertifiedKey::new(chain, key)), life, key_pem })
    }

    /// The certificate's identifier for the authority (RFC 9773 §4.1); `None` when it has none.
    pub(super) fn identifier(&self) -> Option<CertificateIdentifier<'static>> {
        CertificateIdentifier::try_from(self.certified.cert.first()?).ok().map(CertificateIdentifier::into_owned)
    }

    /// The fingerprint of the leaf.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.certified.cert.first().map_or(&[], |leaf| leaf.as_ref()))
    }
}

impl CertificateRequest {
    /// Makes a key for `name`: a new one each time, so that one that leaked is of no use for long, unless the operator wants
    /// the `same` for clients that pin it.
    pub(super) fn new(name: &Name, same: Option<&Secret>) -> Result<Self, rcgen::Error> {
        let same = same.and_then(|same| std::str::from_utf8(same.expose()).ok());
        let key = match same.filter(|same| !same.is_empty()) {
            Some(same) => KeyPair::from_pem(same)?,
            None => KeyPair::generate()?,
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![alternative_name(name)?];
        let request = params.serialize_request(&key)?.der().to_vec();
        Ok(Self { key_pem: key.serialize_pem(), request })
    }
}

/// `name` as a subject alternative name.
pub(super) fn alternative_name(name: &Name) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Name::Ip(ip) => SanType::IpAddress(*ip),
    })
}
