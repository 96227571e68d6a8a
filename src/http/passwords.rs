//! [`Passwords`]: checks passwords where that blocks nobody, a few at a time, and remembers what it has found to be right.
//!
//! A hash is made to take long: some 20 to 300 ms and, for argon2, some 20 MiB. So no more than `TOGETHER` are computed at
//! once, and no more than `MOST_WAITING` wait for that. What is right once is right for as long as the hash is the same:
//! it is remembered under a keyed hash of both, so that a page with a hundred requests costs one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use aws_lc_rs::{hmac, rand};
use tokio::sync::Semaphore;

use super::credentials::Credentials;
use crate::config::{Basic, PasswordHash};

/// Checks passwords, a few at a time. Cheap to clone.
#[derive(Clone)]
pub struct Passwords(Arc<Shared>);

struct Shared {
    key: hmac::Key,
    right: Mutex<Right>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Passwords {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        let permits = Arc::new(Semaphore::new(TOGETHER));
        Ok(Self(Arc::new(Shared { key, right: Mutex::default(), permits, waiting: AtomicUsize::new(0) })))
    }

    /// Whether this is one of the users, with the right password. It takes as long for a user that there is not.
    ///
    /// # Errors
    /// Too many wait for an answer.
    pub async fn check(&self, basic: &Basic, credentials: Credentials) -> Result<bool, Busy> {
        let Credentials { user, password } = credentials;
        let known = basic.users.iter().find(|(name, _)| *name == user).map(|(_, hash)| hash);
        // Somebody's, and the same for each name: one hash may cost more than another.
        let Some(hash) = known.or_else(|| self.decoy(basic, &user)) else { return Ok(false) };
        let tag = self.tag(hash, &password);
        if known.is_some() && self.right().knows(&tag) {
            return Ok(true);
        }
        let _waiting = Waiting::enter(&self.0.waiting)?;
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| Busy)?;
        let hash = hash.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let verified = verify(&hash, &password);
            // Here: who asked may be gone, and the work goes on.
            drop(permit);
            verified
        });
        let is_right = verified.await.unwrap_or(false) && known.is_some();
        if is_right {
            self.right().learn(tag);
        }
        Ok(is_right)
    }

    fn decoy<'a>(&self, basic: &'a Basic, user: &str) -> Option<&'a PasswordHash> {
        let tag = hmac::sign(&self.0.key, user.as_bytes());
        let number = usize::from(tag.as_ref().first().copied().unwrap_or_default());
        basic.users.get(number % basic.users.len().max(1)).map(|(_, hash)| hash)
    }

    fn tag(&self, hash: &PasswordHash, password: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0.key);
        // No hash has a zero in it.
        context.update(text(hash).as_bytes());
        context.update(&[0]);
        context.update(password);
        context.sign().as_ref().try_into().unwrap_or_default()
    }

    fn right(&self) -> std::sync::MutexGuard<'_, Right> {
        self.0.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A keyed hash of a password and of the hash that it was checked with.
type Tag = [u8; 32];

/// What was found to be right, and when it was asked for last.
#[derive(Default)]
struct Right {
    asked: HashMap<Tag, u64>,
    now: u64,
}

impl Right {
    fn knows(&mut self, tag: &Tag) -> bool {
        self.now += 1;
        let asked = self.asked.get_mut(tag);
        asked.map(|asked| *asked = self.now).is_some()
    }

    fn learn(&mut self, tag: Tag) {
        if self.asked.len() >= MOST_KNOWN
            && let Some(oldest) = self.asked.iter().min_by_key(|(_, asked)| **asked).map(|(tag, _)| *tag)
        {
            self.asked.remove(&oldest);
        }
        self.now += 1;
        self.asked.insert(tag, self.now);
    }
}

/// Somebody who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, Busy> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) < MOST_WAITING { Ok(waiting) } else { Err(Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn verify(hash: &PasswordHash, password: &[u8]) -> bool {
    match hash {
        PasswordHash::Argon2(hash) => Argon2::default().verify_password(password, hash.as_str()).is_ok(),
        PasswordHash::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
    }
}

fn text(hash: &PasswordHash) -> &str {
    match hash {
        PasswordHash::Argon2(hash) | PasswordHash::Bcrypt(hash) => hash,
    }
}

/// Each takes a processor, and argon2 the memory that its hash says.
const TOGETHER: usize = 2;
/// Who comes later would wait for seconds.
const MOST_WAITING: usize = 64;
/// Users with a page open; 40 bytes each.
const MOST_KNOWN: usize = 1024;

#[cfg(test)]
mod tests {
    use argon2::password_hash::CustomizedPasswordHasher;

    use super::*;

    fn basic() -> Basic {
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let hash = Argon2::default().hash_password_customized(b"hush", b"some salt", None, None, params);
        let bcrypt = bcrypt::hash_with_salt("quiet", 4, [7; 16]).unwrap().to_string();
        let users = vec![
            ("ann".to_owned(), PasswordHash::Argon2(hash.unwrap().to_string())),
            ("bob".to_owned(), PasswordHash::Bcrypt(bcrypt)),
        ];
        Basic { users, user_header: None }
    }

    async fn asked(passwords: &Passwords, user: &str, password: &str) -> Result<bool, Busy> {
        let credentials = Credentials { user: user.to_owned(), password: password.as_bytes().to_vec() };
        passwords.check(&basic(), credentials).await
    }

    #[tokio::test]
    async fn a_user_gets_in_with_the_right_password_and_nobody_else() {
        let passwords = Passwords::new().unwrap();
        for (user, password, expected) in [
            ("ann", "hush", true),
            ("bob", "quiet", true),
            ("ann", "quiet", false),
            ("ann", "", false),
            ("ann", "hush ", false),
            ("Ann", "hush", false),
            ("eve", "hush", false),
            ("eve", "quiet", false),
            ("", "", false),
        ] {
            for _ in 0..2 {
                assert_eq!(asked(&passwords, user, password).await, Ok(expected), "{user} {password}");
            }
        }
        assert_eq!(passwords.right().asked.len(), 2, "only what is right is remembered");
    }

    #[tokio::test]
    async fn what_is_remembered_costs_no_turn_and_the_rest_does() {
        let passwords = Passwords::new().unwrap();
        assert_eq!(asked(&passwords, "ann", "hush").await, Ok(true));
        passwords.0.waiting.store(MOST_WAITING, Ordering::Relaxed);
        assert_eq!(asked(&passwords, "ann", "hush").await, Ok(true));
        assert_eq!(asked(&passwords, "ann", "wrong").await, Err(Busy));
        assert_eq!(asked(&passwords, "nobody", "hush").await, Err(Busy), "a name that there is not takes a turn, too");
        assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), MOST_WAITING);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut right = Right::default();
        let tag = |number: usize| -> Tag {
            let mut tag = [0; 32];
            tag[..8].copy_from_slice(&number.to_be_bytes());
            tag
        };
        (0..MOST_KNOWN).for_each(|number| right.learn(tag(number)));
        assert!(right.knows(&tag(0)));
        right.learn(tag(MOST_KNOWN));
        assert!(right.knows(&tag(0)) && !right.knows(&tag(1)) && right.knows(&tag(2)));
        assert_eq!(right.asked.len(), MOST_KNOWN);
    }
}
