//! [`SigningCa`]: frontgate's own certificate authority.

use std::time::Duration;

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use time::OffsetDateTime;

use super::constraints::CaConstraints;
use super::names::is_dns_name;
use crate::config::Name;
use crate::tls::certificates::clock;
use crate::tls::session::crypto;
use crate::tls::x509::cert_info::CertInfo;
use crate::tls::x509::pem;

/// How long a certificate is valid: as long as browsers accept of public ones, and far less than Apple's 825 days for
/// private ones.
pub(in crate::tls) const LEAF_LIFE: Duration = days(397);
/// Ten years: people install a CA once.
const CA_LIFE: Duration = days(3653);
/// Certificates begin a day back, for clients whose clock is behind.
pub(in crate::tls) const BACKDATED: Duration = days(1);

/// A CA that can sign.
#[derive(Debug)]
pub(in crate::tls) struct SigningCa {
    pub(in crate::tls) certificate: CertificateDer<'static>,
    pub(in crate::tls) facts: CertInfo,
    /// The names that clients accept from this CA.
    pub(in crate::tls) constraints: CaConstraints,
    issuer: Issuer<'static, KeyPair>,
}

impl SigningCa {
    /// A new CA that may sign for `names`, named after the machine and the day so that two of them can be told apart in
    /// a trust store.
    pub(in crate::tls) fn generate(
        host: Option<&str>,
        names: &[Name],
        now: OffsetDateTime,
    ) -> Result<Self, rcgen::Error> {
        let constraints = CaConstraints::new(host.filter(|host| is_dns_name(host)), names);
        // A common name has at most 64 characters (RFC 5280, ub-common-name); 33 of them are ours.
        let host: String = host.unwrap_or("localhost").chars().take(31).collect();
        let mut ca = params(now, CA_LIFE)?;
        ca.distinguished_name.push(DnType::CommonName, format!("frontgate local CA ({host}, {})", now.date()));
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.custom_extensions = vec![constraints.extension()];
        let key = KeyPair::generate()?;
        let certificate = ca.self_signed(&key)?.der().clone();
        let facts = CertInfo::read(&certificate).ok_or(rcgen::Error::CouldNotParseCertificate)?;
        Ok(Self { certificate, facts, constraints, issuer: Issuer::new(ca, key) })
    }

    /// Reads the text that [`SigningCa::to_pem`] wrote. The error is the defect of the text.
    pub(in crate::tls) fn from_pem(text: &[u8]) -> Result<Self, &'static str> {
        let key = pem::private_key(text).map_err(|_| "it is not PEM")?.ok_or("it holds no private key")?;
        let key = KeyPair::try_from(&key).map_err(|_| "its private key cannot be read")?;
        let certificates = pem::certificates(text).map_err(|_| "it is not PEM")?;
        let certificate = certificates.into_iter().next().ok_or("it holds no certificate")?;
        let facts = CertInfo::read(&certificate).ok_or("its certificate cannot be read")?;
        if facts.public_key != key.subject_public_key_info() {
            return Err("its certificate belongs to another key");
        }
        if !facts.signs {
            return Err("its certificate is not a CA's");
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|_| "its certificate cannot be read")?;
        let constraints = CaConstraints::read(&certificate);
        Ok(Self { certificate, facts, constraints, issuer })
    }

    /// The private key and the certificate, as one text.
    pub(in crate::tls) fn to_pem(&self) -> String {
        self.issuer.key().serialize_pem() + &pem::encode(&self.certificate)
    }

    /// Those of `names` that clients accept from this CA.
    pub(in crate::tls) fn permitted(&self, names: &[Name]) -> Vec<Name> {
        names.iter().filter(|name| self.constraints.permit(name)).cloned().collect()
    }

    /// A certificate for the public half of `key` and for those of `names` that are [permitted](Self::permitted):
    /// because of one that is not, clients would refuse it for all of them. It is valid from a day before `now` on,
    /// within this CA's own life.
    pub(in crate::tls) fn sign(
        &self,
        key: &KeyPair,
        names: &[Name],
        now: OffsetDateTime,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let names = self.permitted(names);
        let mut leaf = params(now, LEAF_LIFE)?;
        leaf.not_before = leaf.not_before.max(self.facts.not_before);
        leaf.not_after = leaf.not_after.min(self.facts.not_after);
        // Only people read the common name; clients look at the alternative names only.
        let title = names.first().map_or_else(|| "frontgate".to_owned(), Name::to_string);
        leaf.distinguished_name.push(DnType::CommonName, title.chars().take(64).collect::<String>());
        leaf.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(leaf.signed_by(key, &self.issuer)?.der().clone())
    }

    /// Whether this CA signed the server certificate `leaf`, dates aside.
    pub(in crate::tls) fn signed(&self, leaf: &CertificateDer<'_>, facts: &CertInfo) -> bool {
        let mut roots = RootCertStore::empty();
        let Ok(parsed) = ParsedCertificate::try_from(leaf) else { return false };
        let within = facts.not_before.max(self.facts.not_before).unix_timestamp();
        let within = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(within).unwrap_or(0)));
        let algorithms = crypto::provider().signature_verification_algorithms.all;
        roots.add(self.certificate.clone()).is_ok()
            && verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], within, algorithms).is_ok()
    }
}

/// The parameters that CA and server certificates share. `rcgen` would derive the serial number from the key, and a
/// renewal with the same key would repeat it, which Firefox refuses.
fn params(now: OffsetDateTime, life: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let now = clock::believable(now);
    params.not_before = now.replace_nanosecond(0).unwrap_or(now) - BACKDATED;
    // The last second counts as valid (RFC 5280 §4.1.2.5).
    params.not_after = params.not_before + life - Duration::from_secs(1);
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial()?);
    Ok(params)
}

/// 127 random bits, positive and not zero (RFC 5280 §4.1.2.2).
fn serial() -> Result<SerialNumber, rcgen::Error> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| rcgen::Error::RingUnspecified)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn alternative_name(name: &Name) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Name::Ip(ip) => SanType::IpAddress(*ip),
    })
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
