//! [`SealingKey`]: seals a text so that it comes back unread and unchanged (AES-256-GCM). Pure but for random bytes.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{KeyType, Prk};
use aws_lc_rs::rand;

/// Seals texts, each for one purpose, and opens them for that purpose only. It cannot be printed.
pub(crate) struct SealingKey(LessSafeKey);

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomBytes;

impl SealingKey {
    pub(crate) fn new(bytes: &[u8; KEY]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("a key of AES-256 has 32 bytes")))
    }

    /// `text`, sealed for one purpose. A nonce is random, so one key may seal 2^32 texts (NIST SP 800-38D §8.3).
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn seal(&self, purpose: &[u8], text: &[u8]) -> Result<Vec<u8>, NoRandomBytes> {
        Ok(self.seal_with(random()?, purpose, text))
    }

    /// The same with a nonce that no other text has: the nonce, then what is sealed.
    pub(crate) fn seal_with(&self, nonce: [u8; NONCE], purpose: &[u8], text: &[u8]) -> Vec<u8> {
        let mut sealed = [&nonce[..], text].concat();
        let body = &mut sealed[NONCE..];
        let tag = self.0.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), body);
        sealed.extend_from_slice(tag.expect("a text is shorter than 64 GB").as_ref());
        sealed
    }

    /// The text that this key has sealed for this purpose.
    pub(crate) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(purpose), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// So many bytes that come of a secret, for the purpose that `info` names (HKDF-Expand, RFC 5869 §2.3).
pub(crate) fn derived<const N: usize>(secret: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut bytes = [0; N];
    let derived = secret.expand(info, Length(N)).and_then(|derived| derived.fill(&mut bytes));
    derived.expect("HKDF gives so few bytes");
    bytes
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// So many random bytes.
///
/// # Errors
/// If the system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomBytes> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandomBytes)?;
    Ok(bytes)
}

/// Bytes of a key of AES-256.
pub(crate) const KEY: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE: usize = 12;
/// Bytes by which a sealed text is longer.
#[cfg(test)]
pub(crate) const OVERHEAD: usize = NONCE + 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_with_its_key_only() {
        let (key, other) = (SealingKey::new(&[1; KEY]), SealingKey::new(&[2; KEY]));
        for text in [&b""[..], b"a", &[7; 5000]] {
            for sealed in [key.seal(b"x", text).unwrap(), key.seal_with([3; NONCE], b"x", text)] {
                assert_eq!(sealed.len(), text.len() + OVERHEAD);
                assert_eq!(key.open(b"x", &sealed).as_deref(), Some(text));
                assert_eq!((key.open(b"y", &sealed), other.open(b"x", &sealed)), (None, None));
                assert_eq!(key.open(b"x", &sealed[..sealed.len() - 1]), None);
            }
        }
        assert_ne!(key.seal(b"x", b"a"), key.seal(b"x", b"a"));
        assert_eq!(format!("{key:?}"), "SealingKey(..)");
    }
}
