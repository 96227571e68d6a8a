//! The answers that an authority finds when it checks that a name belongs to frontgate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::alternative_name;
use super::challenge_proof::ChallengeProof;
use super::shared_answer::SharedAnswer;
use crate::config::{AcmeChallengeKind, Name};
use crate::tls::Certificates;
use crate::tls::session::crypto;

/// The answers that the plain listeners give under `/.well-known/acme-challenge/` (RFC 8555 §8.3). Only the orders that
/// are under way have any.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<String, String>>>);

impl Tokens {
    /// The key authorization to answer with for `token`; `None` when no order under way uses it.
    pub(crate) fn get(&self, token: &str) -> Option<String> {
        self.map().get(token).cloned()
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the answers to pending challenges are published: the tokens of HTTP-01 and the certificates of TLS-ALPN-01.
#[derive(Debug, Clone)]
pub(super) struct ChallengeAnswers {
    pub(super) certificates: Arc<Certificates>,
    pub(super) tokens: Tokens,
    /// Where the other replicas find what they have to answer, if there are any: the authority may ask any of them.
    pub(super) shared: Option<SharedAnswer>,
}

/// A published answer; dropping it withdraws the answer.
#[derive(Debug)]
pub(super) struct ReadyAnswer {
    answers: ChallengeAnswers,
    place: AnswerFile,
}

#[derive(Debug)]
enum AnswerFile {
    ServerName(String),
    Token(String),
}

/// A challenge cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChallengeError {
    #[error("cannot make the certificate for the challenge: {0}")]
    Certificate(String),
    #[error("the other replicas cannot be told what to answer: the cluster's Redis is away")]
    NotShared,
}

impl ChallengeAnswers {
    /// Publishes the answer, if it is one that a listener gives, at this replica and at all others.
    pub(super) async fn publish(&self, proof: &ChallengeProof) -> Result<Option<ReadyAnswer>, ChallengeError> {
        let ready = self.prepare(proof)?;
        if let (Some(_), Some(shared)) = (&ready, &self.shared)
            && !shared.publish(proof).await
        {
            return Err(ChallengeError::NotShared);
        }
        Ok(ready)
    }

    /// The other replicas answer no more.
    pub(super) async fn withdraw(&self) {
        if let Some(shared) = &self.shared {
            shared.withdraw().await;
        }
    }

    /// Publishes the answer at this replica, if it is one that a listener gives.
    pub(super) fn prepare(&self, proof: &ChallengeProof) -> Result<Option<ReadyAnswer>, ChallengeError> {
        let place = match proof.challenge {
            AcmeChallengeKind::TlsAlpn01 => {
                let server_name = server_name(&proof.name);
                let proven = digest(&SHA256, proof.authorization.as_bytes());
                let certificate = certificate(&proof.name, proven.as_ref())?;
                self.certificates.set_challenge(&server_name, Some(Arc::new(certificate)));
                AnswerFile::ServerName(server_name)
            }
            AcmeChallengeKind::Http01 => {
                self.tokens.map().insert(proof.token.clone(), proof.authorization.clone());
                AnswerFile::Token(proof.token.clone())
            }
            AcmeChallengeKind::Dns01 => return Ok(None),
        };
        Ok(Some(ReadyAnswer { answers: self.clone(), place }))
    }
}

impl Drop for ReadyAnswer {
    fn drop(&mut self) {
        match &self.place {
            AnswerFile::ServerName(name) => self.answers.certificates.set_challenge(name, None),
            AnswerFile::Token(token) => {
                self.answers.tokens.map().remove(token);
            }
        }
    }
}

/// The server name that the authority asks for. SNI cannot carry an address, so for one it is the reverse-DNS name
/// (RFC 8738 §6).
fn server_name(name: &Name) -> String {
    match name {
        Name::Dns(name) => name.clone(),
        Name::Ip(std::net::IpAddr::V4(ip)) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Name::Ip(std::net::IpAddr::V6(ip)) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).chain(["ip6.arpa".to_owned()]).collect()
        }
    }
}

/// A self-signed certificate for the one name, with the proof in a critical extension (RFC 8737 §3).
fn certificate(name: &Name, digest: &[u8]) -> Result<CertifiedKey, ChallengeError> {
    let failed = |error: rcgen::Error| ChallengeError::Certificate(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![alternative_name(name).map_err(failed)?];
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(failed)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = crypto::provider().key_provider.load_private_key(key);
    let key = key.map_err(|error| ChallengeError::Certificate(error.to_string()))?;
    // `CertifiedKey::from_der` refuses the critical extension.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    #[test]
    fn an_address_is_asked_for_backwards() {
        for (name, expected) in [
            (Name::Dns("gw.example.com".into()), "gw.example.com"),
            (Name::Ip("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa"),
            (
                Name::Ip("2001:db8::1".parse().unwrap()),
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            assert_eq!(server_name(&name), expected);
        }
    }

    #[test]
    fn the_proof_is_in_a_critical_extension_as_rfc_8737_says() {
        let made = certificate(&Name::Dns("gw.example.com".into()), &[7; 32]).unwrap();
        let (_, parsed) = X509Certificate::from_der(&made.cert[0]).unwrap();
        let proof = parsed.extensions().iter().find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
        let proof = proof.unwrap();
        // An OCTET STRING of 32 bytes.
        assert_eq!((proof.critical, &proof.value[..2], &proof.value[2..]), (true, &[4, 32][..], &[7; 32][..]));
        let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(format!("{names:?}"), "[DNSName(\"gw.example.com\")]");
    }
}
