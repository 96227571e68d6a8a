//! [`TicketKeys`]: what seals the tickets with which clients resume their TLS sessions.
//!
//! A key is good for one epoch, and opens what it has sealed in the next one too. All of them come of one secret
//! (HKDF, RFC 5869), so that processes which have the secret in common open each other's tickets without a word between
//! them: a successor after a handover, the same frontgate after a restart, the other replicas.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use rustls::server::ProducesTickets;

use super::ticket_secret::TicketSecret;
use crate::sealing::{NONCE, SealingKey, derived, random};

/// What seals the tickets of TLS sessions. Make one per process and pass it to every
/// [`server_config`](crate::tls::server_config): sessions survive a reload.
pub(crate) struct TicketKeys(ArcSwap<EpochKeys>);

/// The keys of one epoch and of the one before it; older ones are gone.
struct EpochKeys {
    secret: Prk,
    epoch: u64,
    current: TicketKey,
    previous: TicketKey,
}

struct TicketKey {
    name: [u8; NAME],
    key: SealingKey,
}

impl TicketKeys {
    /// Keys that come of a secret of this process alone: no other process opens their tickets.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn fresh() -> Result<Arc<Self>, rustls::Error> {
        let secret = TicketSecret::fresh().map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        Ok(Arc::new(Self(ArcSwap::from_pointee(EpochKeys::of(&secret, epoch_at(SystemTime::now()))))))
    }

    /// Seals with keys of this secret from here on.
    pub(crate) fn take(&self, secret: &TicketSecret) {
        self.0.store(Arc::new(EpochKeys::of(secret, epoch_at(SystemTime::now()))));
    }

    /// The keys of this moment. Those of an epoch that is over are let go.
    fn at(&self, now: SystemTime) -> Arc<EpochKeys> {
        let (keys, epoch) = (self.0.load_full(), epoch_at(now));
        if keys.epoch == epoch {
            return keys;
        }
        let next = Arc::new(EpochKeys::new(keys.secret.clone(), epoch));
        // A secret that was taken over meanwhile stays.
        self.0.compare_and_swap(&keys, Arc::clone(&next));
        next
    }
}

impl EpochKeys {
    fn of(secret: &TicketSecret, epoch: u64) -> Self {
        Self::new(Salt::new(HKDF_SHA256, SALT).extract(secret.expose()), epoch)
    }

    fn new(secret: Prk, epoch: u64) -> Self {
        let (current, previous) =
            (TicketKey::derive(&secret, epoch), TicketKey::derive(&secret, epoch.saturating_sub(1)));
        Self { secret, epoch, current, previous }
    }

    /// A ticket: the name of the key, the nonce, the sealed session.
    fn seal(&self, session: &[u8], nonce: [u8; NONCE]) -> Option<Vec<u8>> {
        let TicketKey { name, key } = &self.current;
        let ticket = [&name[..], &key.seal_with(nonce, name, session)].concat();
        (ticket.len() <= LONGEST).then_some(ticket)
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > LONGEST {
            return None;
        }
        let (name, sealed) = ticket.split_first_chunk::<NAME>()?;
        let TicketKey { key, .. } = [&self.current, &self.previous].into_iter().find(|key| key.name == *name)?;
        key.open(name, sealed)
    }
}

impl TicketKey {
    fn derive(secret: &Prk, epoch: u64) -> Self {
        let epoch = epoch.to_be_bytes();
        Self { name: derived(secret, &[b"name", &epoch]), key: SealingKey::new(&derived(secret, &[b"key", &epoch])) }
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        // A key opens for as long after the epoch in which it seals.
        u32::try_from(EPOCH.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.at(SystemTime::now()).seal(plain, random().ok()?)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.at(SystemTime::now()).open(cipher)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("epoch", &self.0.load().epoch).finish_non_exhaustive()
    }
}

fn epoch_at(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / EPOCH.as_secs())
}

/// How long a key seals. A nonce is random, so one key may seal 2^32 tickets (NIST SP 800-38D §8.3): at two for each
/// handshake, 50,000 handshakes a second.
const EPOCH: Duration = Duration::from_hours(12);
const SALT: &[u8] = b"frontgate TLS tickets 1";
/// Bytes of a key's name.
const NAME: usize = 16;
/// A session without a client's certificate has some 150 bytes, and the name that the client has dialled, which has 255
/// at most.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::OVERHEAD;

    fn keys(secret: u8, epoch: u64) -> EpochKeys {
        EpochKeys::of(&TicketSecret::from([secret; 32]), epoch)
    }

    #[test]
    fn a_ticket_opens_in_its_epoch_and_in_the_next_with_the_same_secret_only() {
        let ticket = keys(1, 7).seal(b"session", [3; NONCE]).unwrap();
        for (secret, epoch, opens) in [(1, 6, false), (1, 7, true), (1, 8, true), (1, 9, false), (2, 7, false)] {
            let opened = keys(secret, epoch).open(&ticket);
            assert_eq!(opened.as_deref(), opens.then_some(&b"session"[..]), "{secret} {epoch}");
        }
    }

    #[test]
    fn what_was_changed_or_cut_or_is_too_long_does_not_open() {
        let keys = keys(1, 7);
        let ticket = keys.seal(b"session", [3; NONCE]).unwrap();
        for end in 0..ticket.len() {
            assert_eq!(keys.open(&ticket[..end]), None, "cut at {end}");
        }
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(keys.open(&changed), None, "changed at {at}");
        }
        assert_eq!(keys.open(&[&ticket[..], &[0; LONGEST]].concat()), None);
        assert_eq!(keys.seal(&[0; LONGEST], [3; NONCE]), None);
        let longest = LONGEST - NAME - OVERHEAD;
        assert!(keys.seal(&vec![0; longest], [3; NONCE]).is_some_and(|ticket| keys.open(&ticket).is_some()));
    }

    #[test]
    fn an_epoch_that_is_over_is_let_go_and_a_secret_that_is_taken_over_stays() {
        let tickets = TicketKeys::fresh().unwrap();
        let now = SystemTime::now();
        let ticket = tickets.encrypt(b"session").unwrap();
        for (later, opens) in [(0, true), (1, true), (2, false), (1, true)] {
            assert_eq!(tickets.at(now + EPOCH * later).open(&ticket).is_some(), opens, "{later} epochs later");
        }
        tickets.take(&TicketSecret::from([1; 32]));
        assert_eq!(tickets.decrypt(&ticket), None);
        let ticket = tickets.encrypt(b"session").unwrap();
        let other = TicketKeys::fresh().unwrap();
        assert_eq!(other.decrypt(&ticket), None);
        other.take(&TicketSecret::from([1; 32]));
        assert_eq!(other.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert!(!format!("{tickets:?}").contains("secret"));
    }
}
