//! [`AdmittedCache`]: users that a login service has let in a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::user::{AuthenticatedUser, SessionKey};

/// Users that a login service has let in a moment ago, by what they have shown.
pub(super) struct AdmittedCache {
    lives: Duration,
    known: Mutex<HashMap<SessionKey, (AuthenticatedUser, Instant)>>,
}

impl AdmittedCache {
    /// An empty cache, in which an answer counts for so long.
    pub(super) fn new(lives: Duration) -> Self {
        Self { lives, known: Mutex::default() }
    }

    /// The user that was let in for this, if that still counts.
    pub(super) fn find(&self, session: &SessionKey, now: Instant) -> Option<AuthenticatedUser> {
        self.known().get(session).filter(|(_, until)| now < *until).map(|(user, _)| user.clone())
    }

    /// Notes a user that was let in.
    pub(super) fn add(&self, user: AuthenticatedUser, now: Instant) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() < MOST {
            known.insert(user.session, (user, now + self.lives));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SessionKey, (AuthenticatedUser, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many users are remembered; the service is asked about others each time.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::user::ProofKind;

    #[test]
    fn an_answer_counts_for_a_while_and_for_what_was_shown() {
        let (cache, now) = (AdmittedCache::new(Duration::from_secs(5)), Instant::now());
        let user = |number: u32| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            AuthenticatedUser::new("ann".into(), ProofKind::Forward, SessionKey(key))
        };
        let known = |number, at| cache.find(&user(number).session, at).is_some();
        cache.add(user(1), now);
        assert!(known(1, now) && known(1, now + Duration::from_secs(4)));
        assert!(!known(1, now + Duration::from_secs(5)) && !known(2, now));
        for number in 2..10_000 {
            cache.add(user(number), now);
        }
        assert_eq!(cache.known().len(), MOST);
        let later = now + Duration::from_secs(6);
        cache.add(user(10_001), later);
        assert!(known(10_001, later) && cache.known().len() == 1, "what has ended makes room");
    }
}
