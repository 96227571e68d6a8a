//! [`SealingKeys`]: the keys of logins, of which the newest seals and the older ones still open. Pure but for random bytes.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::sealing::{KEY, SealingKey, random};

pub use crate::sealing::NoRandomBytes;

/// The keys that seal texts, the newest first. They cannot be printed.
#[derive(Debug)]
pub struct SealingKeys(Vec<DatedKey>);

struct DatedKey {
    id: [u8; ID],
    /// When it was made, in seconds since 1970.
    since: u64,
    bytes: [u8; KEY],
    key: SealingKey,
}

impl SealingKeys {
    /// One new key.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn fresh(now: u64) -> Result<Self, NoRandomBytes> {
        Ok(Self(vec![DatedKey::fresh(now)?]))
    }

    /// Keys that come of a secret which several frontgates have, the same at each of them: that of this month, those
    /// before it, and the next one, since one clock may be ahead of another. `derive` gives the bytes for a purpose.
    pub(crate) fn derived(derive: impl Fn(&str) -> [u8; KEY], now: u64) -> Self {
        let month = now / ROTATE.as_secs();
        let key = |number: u64| DatedKey::new(number * ROTATE.as_secs(), derive(&format!("sessions {number}")));
        let before = (1..MOST as u64).filter_map(|age| month.checked_sub(age));
        Self([month].into_iter().chain(before).chain([month + 1]).map(key).collect())
    }

    /// The keys in the text of a file; `None` if it is none of [`SealingKeys::encode`].
    pub fn parse(text: &[u8]) -> Option<Self> {
        let lines = str::from_utf8(text).ok()?.lines();
        let keys: Vec<DatedKey> = lines.map(DatedKey::parse).collect::<Option<_>>()?;
        (!keys.is_empty() && keys.len() <= MOST).then_some(Self(keys))
    }

    /// The text of a file with these keys.
    pub fn encode(&self) -> String {
        let line = |key: &DatedKey| format!("{} {}\n", key.since, URL_SAFE_NO_PAD.encode(key.bytes));
        self.0.iter().map(line).collect()
    }

    /// Whether a newer key should seal from `now` on.
    pub(crate) fn is_old(&self, now: u64) -> bool {
        now.saturating_sub(self.0[0].since) >= ROTATE.as_secs()
    }

    /// These keys behind a new one; the oldest is let go when nothing that it has sealed is good any longer.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn rotated(&self, now: u64) -> Result<Self, NoRandomBytes> {
        let before = self.0.iter().take(MOST - 1).map(|key| DatedKey::new(key.since, key.bytes));
        Ok(Self([DatedKey::fresh(now)?].into_iter().chain(before).collect()))
    }

    /// `text`, sealed for one purpose.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Result<String, NoRandomBytes> {
        let newest = &self.0[0];
        let sealed = newest.key.seal(purpose.as_bytes(), text)?;
        Ok(URL_SAFE_NO_PAD.encode([&newest.id[..], &sealed].concat()))
    }

    /// The text that one of these keys has sealed for this purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (id, sealed) = bytes.split_first_chunk::<ID>()?;
        self.0.iter().find(|key| key.id == *id)?.key.open(purpose.as_bytes(), sealed)
    }
}

impl DatedKey {
    fn fresh(now: u64) -> Result<Self, NoRandomBytes> {
        Ok(Self::new(now, random()?))
    }

    fn new(since: u64, bytes: [u8; KEY]) -> Self {
        let mut id = [0; ID];
        id.copy_from_slice(&digest(&SHA256, &bytes).as_ref()[..ID]);
        Self { id, since, bytes, key: SealingKey::new(&bytes) }
    }

    fn parse(line: &str) -> Option<Self> {
        let (since, bytes) = line.split_once(' ')?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
        Some(Self::new(since.parse().ok()?, bytes.try_into().ok()?))
    }
}

impl fmt::Debug for DatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatedKey").field("since", &self.since).finish_non_exhaustive()
    }
}

/// Bytes of a key's name in what it seals.
const ID: usize = 4;
/// A nonce is random, so one key may seal 2^32 texts (NIST SP 800-38D §8.3); no frontgate has so many logins in a month.
const ROTATE: Duration = Duration::from_hours(30 * 24);
/// The newest, and two before it: what the newest but one has sealed ends within [`ROTATE`] of its last day.
const MOST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_for_the_same_purpose_only() {
        let keys = SealingKeys::fresh(0).unwrap();
        for text in ["", "a", &"long ".repeat(2000)] {
            let sealed = keys.seal("a", text.as_bytes()).unwrap();
            assert_eq!(keys.open("a", &sealed).as_deref(), Some(text.as_bytes()));
            assert_eq!(keys.open("b", &sealed), None);
            assert_eq!(keys.open("", &sealed), None);
            assert_eq!(SealingKeys::fresh(0).unwrap().open("a", &sealed), None);
            assert_ne!(keys.seal("a", text.as_bytes()).unwrap(), sealed);
        }
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let keys = SealingKeys::fresh(0).unwrap();
        let sealed = keys.seal("a", b"ann").unwrap();
        for end in 0..sealed.len() {
            assert_eq!(keys.open("a", &sealed[..end]), None, "cut at {end}");
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(keys.open("a", &changed), None, "changed at {at}");
        }
        for odd in ["", "=", "é", "AAAA", &format!("{sealed}A"), &format!("{sealed}=="), &format!(" {sealed}")] {
            assert_eq!(keys.open("a", odd), None, "{odd}");
        }
    }

    #[test]
    fn a_rotated_key_still_opens_and_the_oldest_is_let_go() {
        let month = ROTATE.as_secs();
        let mut keys = SealingKeys::fresh(0).unwrap();
        let sealed = keys.seal("a", b"ann").unwrap();
        for (age, opens) in [(1, true), (2, true), (3, false)] {
            assert!(!keys.is_old(age * month - 1) && keys.is_old(age * month), "{age}");
            keys = SealingKeys::parse(keys.rotated(age * month).unwrap().encode().as_bytes()).unwrap();
            assert_eq!(keys.open("a", &sealed).is_some(), opens, "{age}");
        }
        // A clock that was set back makes no key old.
        assert!(!keys.is_old(0));
    }

    #[test]
    fn derived_keys_are_alike_where_the_secret_is_and_open_for_two_months() {
        let month = ROTATE.as_secs();
        let keys =
            |secret: u8, now| SealingKeys::derived(|purpose| [secret ^ purpose.bytes().last().unwrap(); KEY], now);
        let sealed = keys(1, 5 * month).seal("a", b"ann").unwrap();
        for (secret, now, opens) in [
            (1, 5 * month, true),
            (1, 5 * month - 1, true),
            (1, 7 * month, true),
            (1, 8 * month, false),
            (1, 4 * month - 1, false),
            (99, 5 * month, false),
        ] {
            assert_eq!(keys(secret, now).open("a", &sealed).is_some(), opens, "{secret} {now}");
        }
        assert!(keys(1, 5 * month).is_old(6 * month) && !keys(1, 5 * month).is_old(6 * month - 1));
        assert!(keys(1, 0).open("a", &keys(1, 1).seal("a", b"").unwrap()).is_some());
    }

    #[test]
    fn a_file_of_keys_is_whole_or_none() {
        let keys = SealingKeys::fresh(7).unwrap();
        let text = keys.encode();
        assert!(SealingKeys::parse(text.as_bytes()).is_some());
        for broken in ["", "\n", "7", "7 ", "x AAAA", &text[..text.len() - 2], &format!("{text}x"), &text.repeat(4)] {
            assert!(SealingKeys::parse(broken.as_bytes()).is_none(), "{broken:?}");
        }
        assert!(!format!("{keys:?}").contains(text.split(' ').nth(1).unwrap().trim()));
    }
}
