//! [`ClusterSecret`]: what the replicas of a cluster have in common, and what it seals. Pure but for random bytes.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;

use crate::sealing::{NONCE, SealingKey, derived};

/// What the replicas of a cluster have in common. It cannot be printed.
#[derive(Clone)]
pub(crate) struct ClusterSecret {
    root: Prk,
    sealing: Arc<SealingKey>,
    marking: hmac::Key,
}

impl ClusterSecret {
    /// The secret of the cluster of this name.
    pub(crate) fn new(name: &str, secret: &[u8]) -> Self {
        let root = Salt::new(HKDF_SHA256, format!("frontgate cluster 1 {name}").as_bytes()).extract(secret);
        let sealing = Arc::new(SealingKey::new(&derived(&root, &[b"sealing"])));
        let marking: [u8; 32] = derived(&root, &[b"marking"]);
        Self { sealing, marking: hmac::Key::new(hmac::HMAC_SHA256, &marking), root }
    }

    /// 32 bytes for one purpose, the same at every replica.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        derived(&self.root, &[format!("purpose {purpose}").as_bytes()])
    }

    /// What stands for `text` where nothing may tell what it is, such as the name of a key.
    pub(super) fn mark(&self, purpose: &str, text: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.marking);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(text);
        context.sign().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    /// `text`, sealed for one purpose; `None` if the system gives no random bytes.
    pub(super) fn seal(&self, purpose: &str, text: &[u8]) -> Option<Vec<u8>> {
        self.sealing.seal(purpose.as_bytes(), text).ok()
    }

    /// `text`, sealed so that the same text is always the same: for the members of a set. The nonce depends on nothing
    /// but the text, so no two texts have one in common.
    pub(super) fn seal_same(&self, purpose: &str, text: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.marking);
        context.update(b"nonce\0");
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(text);
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&context.sign().as_ref()[..NONCE]);
        self.sealing.seal_with(nonce, purpose.as_bytes(), text)
    }

    /// What a replica of this cluster has sealed for this purpose.
    pub(super) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.sealing.open(purpose.as_bytes(), sealed)
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_in_its_cluster_only() {
        let (own, other) = (ClusterSecret::new("a", &[1; 32]), ClusterSecret::new("b", &[1; 32]));
        let same = ClusterSecret::new("a", &[1; 32]);
        for sealed in [own.seal("x", b"ann").unwrap(), own.seal_same("x", b"ann")] {
            assert!(!sealed.windows(3).any(|part| part == b"ann"));
            assert_eq!(same.open("x", &sealed).as_deref(), Some(&b"ann"[..]));
            assert_eq!((same.open("y", &sealed), other.open("x", &sealed)), (None, None));
            for end in 0..sealed.len() {
                assert_eq!(own.open("x", &sealed[..end]), None, "cut at {end}");
            }
        }
        assert_ne!(own.seal("x", b"ann"), own.seal("x", b"ann"));
        assert_eq!(own.seal_same("x", b"ann"), same.seal_same("x", b"ann"));
        assert_ne!(own.seal_same("x", b"ann"), own.seal_same("y", b"ann"));
    }

    #[test]
    fn marks_and_keys_differ_by_purpose_and_cluster() {
        let (own, other) = (ClusterSecret::new("a", &[1; 32]), ClusterSecret::new("b", &[1; 32]));
        assert_eq!(own.mark("x", b"1"), own.mark("x", b"1"));
        assert_ne!(own.mark("x", b"1"), own.mark("y", b"1"));
        assert_ne!(own.mark("x", b"1"), other.mark("x", b"1"));
        assert_ne!(own.derive("x"), own.derive("y"));
        assert_ne!(own.derive("x"), other.derive("x"));
        assert_eq!(format!("{own:?}"), "ClusterSecret(..)");
    }
}
