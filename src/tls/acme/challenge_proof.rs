//! [`ChallengeProof`]: what proves a name in one way. Pure.

use serde_json::{Value, json};

use crate::config::{AcmeChallengeKind, Name};

/// What proves a name in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChallengeProof {
    pub(super) challenge: AcmeChallengeKind,
    pub(super) name: Name,
    pub(super) token: String,
    /// The key authorization (RFC 8555 §8.1).
    pub(super) authorization: String,
}

impl ChallengeProof {
    /// As replicas tell each other.
    pub(super) fn written(&self) -> String {
        let Self { challenge, name, token, authorization } = self;
        let (challenge, name) = (challenge.to_string(), name.to_string());
        json!({ "challenge": challenge, "name": name, "token": token, "authorization": authorization }).to_string()
    }

    /// What another replica has written.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let read: Value = serde_json::from_slice(text).ok()?;
        let text = |key: &str| read[key].as_str().map(str::to_owned);
        let (kind, name) = (text("challenge")?, text("name")?);
        let listeners = [AcmeChallengeKind::TlsAlpn01, AcmeChallengeKind::Http01];
        Some(Self {
            challenge: listeners.into_iter().find(|challenge| challenge.to_string() == kind)?,
            name: name.parse().map_or_else(|_| Name::Dns(name), Name::Ip),
            token: text("token")?,
            authorization: text("authorization")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_replica_writes_another_reads() {
        for (challenge, name) in [
            (AcmeChallengeKind::TlsAlpn01, Name::Dns("gw.example.com".into())),
            (AcmeChallengeKind::Http01, Name::Ip("2001:db8::1".parse().unwrap())),
        ] {
            let proof = ChallengeProof { challenge, name, token: "t".into(), authorization: "t.k".into() };
            assert_eq!(ChallengeProof::read(proof.written().as_bytes()), Some(proof));
        }
        for odd in ["", "{}", r#"{"challenge":"dns-01","name":"a","token":"t","authorization":"a"}"#] {
            assert_eq!(ChallengeProof::read(odd.as_bytes()), None, "{odd}");
        }
    }
}
