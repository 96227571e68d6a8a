//! [`Passwords`]: checks passwords, a few at a time, on threads that serve no connections, and remembers the ones that
//! were right.
//!
//! A hash is made to take long: some 20 to 300 ms and, for argon2, some 20 MiB. So no more than a few are computed at
//! once, in `PasswordTurns` that are shared fairly between clients; a client that has failed too often
//! (`LoginFailures`) is told to wait before anything is computed. A password that was right once is right for as long
//! as the hash is the same: it is remembered under a keyed hash of both, so that a page with a hundred requests costs
//! one, and a user that is logged in notices nothing of an attack, from wherever it comes.

mod failures;
mod remembered;
mod turns;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use aws_lc_rs::{hmac, rand};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::credentials::Credentials;
use crate::cluster::SharedLimits;
use crate::config::{BasicAuth, PasswordHash};
use crate::listener::Network;
use failures::LoginFailures;
use remembered::RememberedPasswords;
use turns::{PasswordTurns, TurnTicket};

/// Checks passwords, a few at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords(Arc<PasswordsShared>);

struct PasswordsShared {
    key: hmac::Key,
    state: Mutex<PasswordsState>,
    /// The failures of clients at other replicas.
    others: Option<SharedLimits>,
}

struct PasswordsState {
    right: RememberedPasswords,
    failures: LoginFailures,
    turns: PasswordTurns,
    /// Tells a request in line that it is its turn; dropped, that it has lost its position.
    begin: HashMap<TurnTicket, oneshot::Sender<()>>,
}

/// The client has failed too often, or too many requests wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyAttempts {
    /// How long the client must wait before it may try again.
    pub(crate) retry_after: Duration,
}

/// The network that login attempts are counted by. All clients without a known address count as one.
type AttemptClient = Option<Network>;

/// A keyed hash of a user's name, a password and the hash that it is checked with.
type PasswordTag = [u8; 32];

/// One question: whether this password of this client is right.
#[derive(Clone, Copy)]
struct PasswordQuestion {
    client: AttemptClient,
    tag: PasswordTag,
    /// Whether there is a user of that name.
    known: bool,
}

/// A position in line, then a turn; given back when dropped.
struct PasswordTurn {
    passwords: Passwords,
    client: AttemptClient,
    ticket: TurnTicket,
    begins: oneshot::Receiver<()>,
}

impl Passwords {
    /// A check that remembers no passwords and no failures yet. With `others`, failures count at all replicas.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn new(others: Option<SharedLimits>) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        // Each takes a processor, and argon2 the memory that its hash says.
        let together = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_TOGETHER);
        let state = PasswordsState {
            right: RememberedPasswords::default(),
            failures: LoginFailures::default(),
            turns: PasswordTurns::new(together),
            begin: HashMap::new(),
        };
        Ok(Self(Arc::new(PasswordsShared { key, state: Mutex::new(state), others })))
    }

    /// Whether `credentials` name one of the users, with the right password. For a user that does not exist the answer
    /// takes as long.
    ///
    /// # Errors
    /// If the password was not looked at, because the client has failed too often or too many requests wait.
    pub(crate) async fn check(
        &self,
        basic: &BasicAuth,
        credentials: Credentials,
        client: Option<IpAddr>,
    ) -> Result<bool, TooManyAttempts> {
        let Credentials { user, password } = credentials;
        let known = basic.users.iter().find(|(name, _)| *name == user).map(|(_, hash)| hash);
        // For an unknown name, the hash of some user, and always the same for that name: one hash may cost more than
        // another.
        let Some(hash) = known.or_else(|| self.decoy(basic, &user)) else { return Ok(false) };
        let tag = self.tag(hash, &user, &password);
        let question = PasswordQuestion { client: client.map(Network::of), tag, known: known.is_some() };
        if let Some(others) = &self.0.others {
            let is_answered = self.state().look_up(&question, Instant::now()).is_some();
            if !is_answered
                && let Some(retry_after) = others.failures(question.client).await.and_then(LoginFailures::pause_after)
            {
                return Err(TooManyAttempts { retry_after });
            }
        }
        let mut turn = match self.line_up(&question) {
            Ok(turn) => turn,
            Err(answer) => return answer,
        };
        let begun = timeout(LONGEST_WAIT, &mut turn.begins).await;
        if !matches!(begun, Ok(Ok(()))) {
            return Err(TooManyAttempts { retry_after: LONGEST_WAIT });
        }
        // Another request of the same page may have had the same question.
        if let Some(answer) = self.state().look_up(&question, Instant::now()) {
            return answer;
        }
        let hash = hash.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let is_right = verify(&hash, &password) && question.known;
            // Counted on this thread: the client may be gone, and its attempt counts all the same.
            turn.passwords.state().learn(&question, is_right, Instant::now());
            if let (Some(others), false) = (&turn.passwords.0.others, is_right) {
                others.failed(question.client, LoginFailures::FORGET_ONE, LoginFailures::FORGET_ALL);
            }
            drop(turn);
            is_right
        });
        Ok(verified.await.unwrap_or(false))
    }

    /// Notes that a login of `client` has failed that was no password: one at an issuer.
    pub(crate) fn failed_elsewhere(&self, client: Option<IpAddr>) {
        let mut tag = PasswordTag::default();
        // Nothing that is asked about has this tag again.
        let _ = rand::fill(&mut tag);
        self.state().failures.add(client.map(Network::of), tag, Instant::now());
    }

    /// # Errors
    /// If `client` has failed too often, in whatever way.
    pub(crate) fn may_try(&self, client: Option<IpAddr>) -> Result<(), TooManyAttempts> {
        match self.state().failures.pause(client.map(Network::of), Instant::now()) {
            Some(retry_after) => Err(TooManyAttempts { retry_after }),
            None => Ok(()),
        }
    }

    /// The answer, if it is known, or else a position in line.
    fn line_up(&self, question: &PasswordQuestion) -> Result<PasswordTurn, Result<bool, TooManyAttempts>> {
        let (mut state, now) = (self.state(), Instant::now());
        if let Some(answer) = state.look_up(question, now) {
            return Err(answer);
        }
        let PasswordsState { failures, turns, begin, .. } = &mut *state;
        let Ok((ticket, displaced)) = turns.enter(question.client, failures, now) else {
            return Err(Err(TooManyAttempts { retry_after: LONGEST_WAIT }));
        };
        if let Some(displaced) = displaced {
            begin.remove(&displaced);
        }
        let (sender, begins) = oneshot::channel();
        begin.insert(ticket, sender);
        state.go_on(now);
        Ok(PasswordTurn { passwords: self.clone(), client: question.client, ticket, begins })
    }

    fn decoy<'a>(&self, basic: &'a BasicAuth, user: &str) -> Option<&'a PasswordHash> {
        let tag = hmac::sign(&self.0.key, user.as_bytes());
        let number = usize::from(tag.as_ref().first().copied().unwrap_or_default());
        basic.users.get(number % basic.users.len().max(1)).map(|(_, hash)| hash)
    }

    fn tag(&self, hash: &PasswordHash, user: &str, password: &[u8]) -> PasswordTag {
        let mut context = hmac::Context::with_key(&self.0.key);
        // No hash has a zero in it, and no name has a colon (RFC 7617 §2).
        context.update(text(hash).as_bytes());
        context.update(&[0]);
        context.update(user.as_bytes());
        context.update(b":");
        context.update(password);
        context.sign().as_ref().try_into().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, PasswordsState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PasswordsState {
    /// The answer to a question that was asked before, or to a client that has to wait.
    fn look_up(&mut self, question: &PasswordQuestion, now: Instant) -> Option<Result<bool, TooManyAttempts>> {
        if question.known && self.right.knows(&question.tag) {
            return Some(Ok(true));
        }
        if self.failures.is_known(question.client, &question.tag) {
            return Some(Ok(false));
        }
        self.failures.pause(question.client, now).map(|retry_after| Err(TooManyAttempts { retry_after }))
    }

    fn learn(&mut self, question: &PasswordQuestion, is_right: bool, now: Instant) {
        if is_right {
            self.right.learn(question.tag);
        } else {
            self.failures.add(question.client, question.tag, now);
        }
    }

    /// Wakes the requests whose turn it is.
    fn go_on(&mut self, now: Instant) {
        while let Some((_, ticket)) = self.turns.next(&self.failures, now) {
            if let Some(begin) = self.begin.remove(&ticket) {
                // The turn ends when the receiver is dropped, which may just have happened.
                let _ = begin.send(());
            }
        }
    }
}

impl Drop for PasswordTurn {
    fn drop(&mut self) {
        let mut state = self.passwords.state();
        state.begin.remove(&self.ticket);
        state.turns.end(self.client, self.ticket);
        state.go_on(Instant::now());
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

/// Hashes computed at once.
const MOST_TOGETHER: usize = 2;
/// How long a request waits for its turn. Only under an attack does one wait longer than for a few hashes.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
